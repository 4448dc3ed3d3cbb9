import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'

export type DatabaseKind = 'postgres' | 'mariadb'

/** Where a database server listens; everybody is let in from loopback. */
export interface DatabaseServerAddress {
  kind: DatabaseKind
  host: string
  port: number
  username: string
}

export interface DatabaseServer extends DatabaseServerAddress {
  pid: number
  kill(signal?: NodeJS.Signals): Promise<void>
  stop(): Promise<void>
}

/**
 * The program's full path: Debian and Homebrew keep PostgreSQL's out of PATH, in a folder for each version. Those of
 * another version may be given as AUDIT_TEST_POSTGRES.
 */
export function findBinary(names: readonly string[]): string {
  const folders = [
    ...(process.env.AUDIT_TEST_POSTGRES ?? '').split(':'),
    ...versions('/usr/lib/postgresql'),
    ...(process.env.PATH ?? '').split(':'),
    ...['/usr/sbin', '/usr/local/sbin', '/usr/libexec'],
    ...versions('/opt/homebrew/opt'),
    ...versions('/usr/local/opt'),
  ]
  for (const name of names) {
    const folder = folders.find((candidate) => candidate !== '' && existsSync(join(candidate, name)))
    if (folder) return join(folder, name)
  }
  throw new Error(`None of ${names.join(', ')} is installed: run npm run services`)
}

/** For servers that refuse to run as root: the user their package created. Nothing unless this process is root. */
export function serviceUser(name: string): { uid?: number; gid?: number } {
  if (process.getuid?.() !== 0) return {}
  const id = (flag: string) => Number(execFileSync('id', [flag, name], { encoding: 'utf8' }))
  return { uid: id('-u'), gid: id('-g') }
}

/** The `bin` folders of the versions installed below this one, the newest first. */
function versions(parent: string): string[] {
  const names = existsSync(parent) ? readdirSync(parent) : []
  return names.sort((a, b) => b.localeCompare(a, 'en', { numeric: true })).map((name) => join(parent, name, 'bin'))
}
