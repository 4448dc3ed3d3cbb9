// Lints the Dockerfile and the compose file; a warning fails as an error does.
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const require = createRequire(import.meta.url)
const { validate } = require('dockerfile-utils')

// The command of dockerfile-utils exits 0 on warnings, so its validator is asked itself.
const problems = validate(readFileSync(join(root, 'Dockerfile'), 'utf8'))
for (const { message, range } of problems) console.error(`Dockerfile:${range.start.line + 1}: ${message}`)

try {
  const dclint = join(root, 'node_modules/.bin/dclint')
  execFileSync(process.execPath, [dclint, '--max-warnings', '0', 'compose.yaml'], { cwd: root, stdio: 'inherit' })
} catch {
  // It has printed what is wrong.
  process.exitCode = 1
}
if (problems.length > 0) process.exitCode = 1
if (!process.exitCode) console.log('Dockerfile and compose.yaml: nothing to complain about')
