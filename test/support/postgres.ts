import { execFile } from 'node:child_process'
import { chownSync } from 'node:fs'
import { promisify } from 'node:util'
import { Client } from 'pg'
import { type DatabaseServer, findBinary, serviceUser } from './database-server'
import { onFreePort } from './port'
import { spawnProcess } from './spawn-process'
import { removeDirectory, temporaryDirectory } from './temp-directory'
import { waitFor } from './wait-for'

const SETTINGS = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  max_connections: '200',
  // The data is thrown away: syncing it to disk only makes the tests slow.
  fsync: 'off',
  synchronous_commit: 'off',
  full_page_writes: 'off',
  // Inside the data directory, so that nothing stays in /dev/shm when the server is killed.
  dynamic_shared_memory_type: 'mmap',
}

/** A real PostgreSQL in a temporary directory. Most tests want `createDatabase('postgres')`; this one may be killed. */
export async function startPostgres(changed: Record<string, string> = {}): Promise<DatabaseServer> {
  const user = serviceUser('postgres')
  const directory = temporaryDirectory('postgres')
  if (user.uid !== undefined && user.gid !== undefined) chownSync(directory, user.uid, user.gid)
  try {
    const args = ['-D', directory, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--locale=C', '--no-sync']
    await promisify(execFile)(findBinary(['initdb']), args, { ...user, cwd: directory })
    return await onFreePort((port) => start(directory, port, user, { ...SETTINGS, ...changed }))
  } catch (error) {
    removeDirectory(directory)
    throw error
  }
}

async function start(
  directory: string,
  port: number,
  user: { uid?: number; gid?: number },
  configuration: Record<string, string>,
): Promise<DatabaseServer> {
  const settings = Object.entries(configuration).flatMap(([name, value]) => ['-c', `${name}=${value}`])
  const server = spawnProcess(findBinary(['postgres']), ['-D', directory, '-p', String(port), ...settings], {
    ...user,
    cwd: directory,
    directory,
    signal: 'SIGQUIT',
  })
  const address = { kind: 'postgres', host: '127.0.0.1', port, username: 'postgres' } as const
  await waitFor(async () => !server.running || (await answers(port)), { what: 'PostgreSQL', timeoutMs: 60_000 })
  if (!server.running) throw new Error(`PostgreSQL ended at once:\n${server.output}`)
  return {
    ...address,
    pid: server.pid,
    async kill(signal = 'SIGQUIT') {
      await server.kill(signal)
    },
    async stop() {
      await server.kill('SIGQUIT')
      removeDirectory(directory)
    },
  }
}

async function answers(port: number): Promise<boolean> {
  const client = new Client({ host: '127.0.0.1', port, user: 'postgres', database: 'postgres' })
  client.on('error', () => undefined)
  try {
    await client.connect()
    return (await client.query('SELECT 1')).rowCount === 1
  } catch {
    // Refused, or "the database system is starting up"; what matters is in the server's output if it never comes up.
    return false
  } finally {
    await client.end()
  }
}
