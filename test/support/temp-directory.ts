import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A new directory below the system's temporary one, readable by the users that servers run as. */
export function temporaryDirectory(purpose: string): string {
  return mkdtempSync(join(tmpdir(), `audit-logger-${purpose}-`))
}

export function removeDirectory(directory: string): void {
  rmSync(directory, { recursive: true, force: true, maxRetries: 5 })
}
