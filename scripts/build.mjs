// Compiles the package into dist/ and puts the Lua files beside the code that reads them.
// `--if-changed` does nothing when dist/ was built from exactly these sources.
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const dist = join(root, 'dist')
const stamp = '.sources'
const sources = sourcesHash()

if (process.argv.includes('--if-changed') && builtFrom() === sources) process.exit(0)

// Beside dist/ and swapped in at the end: a process that runs from dist/ never sees a half-written or an empty one,
// and a failing build leaves the last good one in place.
mkdirSync(join(root, '.cache'), { recursive: true })
const fresh = mkdtempSync(join(root, '.cache', 'build-'))
try {
  const require = createRequire(import.meta.url)
  const tsc = join(dirname(require.resolve('typescript/package.json')), 'bin', 'tsc')
  execFileSync(process.execPath, [tsc, '-p', join(root, 'tsconfig.build.json'), '--outDir', fresh], {
    stdio: 'inherit',
  })
  cpSync(join(root, 'src/queue/lua'), join(fresh, 'src/queue/lua'), { recursive: true })
  chmodSync(join(fresh, 'cli/main.js'), 0o755)
  chmodSync(fresh, 0o755)
  writeFileSync(join(fresh, stamp), sources)
  swap()
} catch (error) {
  // The compiler has said what is wrong; a stack of this script would only bury it.
  console.error(error.status === undefined ? error : 'The compiler found errors; dist/ is unchanged.')
  process.exitCode = 1
} finally {
  rmSync(fresh, { recursive: true, force: true })
}

function swap() {
  const old = `${fresh}-old`
  try {
    renameSync(dist, old)
  } catch (error) {
    if (error.code !== 'ENOENT') throw error
  }
  try {
    renameSync(fresh, dist)
  } catch (error) {
    // Another build got there first, from the same tree.
    if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error
  }
  rmSync(old, { recursive: true, force: true })
}

function builtFrom() {
  const file = join(dist, stamp)
  return existsSync(file) ? readFileSync(file, 'utf8') : undefined
}

function sourcesHash() {
  const hash = createHash('sha256')
  const add = (path) => hash.update(`${path}\0`).update(readFileSync(join(root, path)))
  for (const path of ['package-lock.json', 'package.json', 'tsconfig.json', 'tsconfig.build.json', 'scripts/build.mjs'])
    add(path)
  for (const folder of ['config', 'src', 'worker', 'cli', 'local']) {
    const files = readdirSync(join(root, folder), { recursive: true, withFileTypes: true }).filter((entry) =>
      entry.isFile(),
    )
    for (const path of files.map((file) => join(file.parentPath.slice(root.length + 1), file.name)).sort()) add(path)
  }
  return hash.digest('hex')
}
