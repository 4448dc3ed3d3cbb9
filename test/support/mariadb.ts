import { execFile } from 'node:child_process'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { createConnection } from 'mysql2/promise'
import { type DatabaseServer, findBinary } from './database-server'
import { onFreePort } from './port'
import { spawnProcess } from './spawn-process'
import { removeDirectory, temporaryDirectory } from './temp-directory'
import { waitFor } from './wait-for'

/** A real MariaDB in a temporary directory. Most tests want `createDatabase('mariadb')`; this one may be killed. */
export async function startMariadb(): Promise<DatabaseServer> {
  const directory = temporaryDirectory('mariadb')
  try {
    const install = findBinary(['mariadb-install-db', 'mysql_install_db'])
    const method = ['--auth-root-authentication-method=normal', '--skip-test-db']
    // --no-defaults: a my.cnf of the machine must not decide where the data goes.
    await promisify(execFile)(install, ['--no-defaults', ...common(directory), ...method])
    return await onFreePort((port) => start(directory, port))
  } catch (error) {
    removeDirectory(directory)
    throw error
  }
}

async function start(directory: string, port: number): Promise<DatabaseServer> {
  const network = ['--bind-address=127.0.0.1', `--port=${port}`, `--socket=${join(directory, 'socket')}`]
  const speed = ['--innodb-flush-log-at-trx-commit=0', '--innodb-buffer-pool-size=64M', '--skip-log-bin']
  const names = ['--skip-name-resolve', '--character-set-server=utf8mb4']
  const server = spawnProcess(
    findBinary(['mariadbd', 'mysqld']),
    ['--no-defaults', ...common(directory), ...network, ...speed, ...names],
    { cwd: directory, directory },
  )
  const address = { kind: 'mariadb', host: '127.0.0.1', port, username: 'root' } as const
  await waitFor(async () => !server.running || (await answers(port)), { what: 'MariaDB', timeoutMs: 60_000 })
  if (!server.running) throw new Error(`MariaDB ended at once:\n${server.output}`)
  return {
    ...address,
    pid: server.pid,
    async kill(signal = 'SIGKILL') {
      await server.kill(signal)
    },
    async stop() {
      await server.kill('SIGKILL')
      removeDirectory(directory)
    },
  }
}

/** MariaDB refuses to run as root unless told to by name. */
function common(directory: string): string[] {
  return [`--datadir=${directory}/data`, `--user=${userInfo().username}`]
}

async function answers(port: number): Promise<boolean> {
  const connection = await createConnection({ host: '127.0.0.1', port, user: 'root' }).catch(() => undefined)
  await connection?.end()
  return connection !== undefined
}
