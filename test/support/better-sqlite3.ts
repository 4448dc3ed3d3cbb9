import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { ROOT } from './spawn-process'

/**
 * better-sqlite3's binding for this Node, as the option `nativeBinding` of a DataSource. Where it was not built, a test
 * must fail and say what to do: skipped in silence, a whole driver would go untested.
 */
export async function betterSqlite3Binding(): Promise<string> {
  const { stdout } = await promisify(execFile)(process.execPath, ['scripts/better-sqlite3.mjs', '--check'], {
    cwd: ROOT,
  }).catch((error: Error & { stderr?: string }) => {
    throw new Error(error.stderr?.trim() || error.message)
  })
  return stdout.trim()
}
