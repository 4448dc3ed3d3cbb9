import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { ROOT } from './spawn-process'

/** Compiles the package into dist/, unless dist/ already is what the sources give. Fails with the compiler's output. */
export async function buildPackage(): Promise<string> {
  try {
    await promisify(execFile)(process.execPath, [join(ROOT, 'scripts/build.mjs'), '--if-changed'], { cwd: ROOT })
  } catch (error) {
    const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string }
    throw new Error(`The package does not build:\n${stdout}${stderr}`, { cause: error })
  }
  return join(ROOT, 'dist')
}
