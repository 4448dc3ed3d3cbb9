import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

const NAME = 'typeorm-audit-logger'
let known: string | undefined

/** The version of this package, as its package.json says; `unknown` in a bundle that left that file behind. */
export function packageVersion(): string {
  known ??= versionAbove(__dirname)
  return known
}

/** The sources and dist/ lie at different depths below it. */
function versionAbove(directory: string): string {
  const { name, version } = manifestIn(directory)
  if (name === NAME && typeof version === 'string') return version
  const above = dirname(directory)
  return above === directory ? 'unknown' : versionAbove(above)
}

function manifestIn(directory: string): { name?: unknown; version?: unknown } {
  try {
    return JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8')) as object
  } catch {
    return {}
  }
}
