// Packs the package and checks the very tarball that would be published: its content against what the sources give,
// then publint and arethetypeswrong on it. dist/ must have been built.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const directory = mkdtempSync(join(tmpdir(), 'audit-logger-pack-'))
let failed = false

try {
  // Without scripts: prepack would build again, and print into the JSON.
  const packed = run('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', directory])
  const [{ files, filename, size }] = JSON.parse(packed)
  const tarball = join(directory, filename)
  checkContent(files)
  console.log(`content: ${files.length} files, ${Math.round(size / 1024)} kB packed`)
  check('publint', [tool('publint'), 'run', tarball, '--strict'])
  check('attw', [tool('attw'), tarball, '--no-emoji', '--format', 'ascii'])
} finally {
  rmSync(directory, { recursive: true, force: true })
}
process.exitCode = failed ? 1 : 0

function checkContent(files) {
  const actual = new Set(files.map(({ path }) => path))
  const expected = new Set(['package.json', 'README.md', 'LICENSE', 'CHANGELOG.md', ...compiled()])
  for (const path of expected) if (!actual.has(path)) fail(`content: ${path} is missing from the package`)
  for (const path of actual) if (!expected.has(path)) fail(`content: ${path} does not belong in the package`)

  const { bin } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  for (const path of Object.values(bin)) {
    const mode = files.find((file) => file.path === path)?.mode ?? 0
    if ((mode & 0o111) === 0) fail(`content: ${path} is not executable`)
    if (!readFileSync(join(root, path), 'utf8').startsWith('#!')) fail(`content: ${path} does not begin with #!`)
  }
}

/** What the four shipped folders compile to: a .js and a .d.ts a source file, and the Lua files as they are. */
function compiled() {
  return ['config', 'src', 'worker', 'cli'].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .flatMap(({ parentPath, name }) => {
        const path = `dist/${relative(root, join(parentPath, name))}`
        if (path.endsWith('.ts')) return [path.replace(/\.ts$/, '.js'), path.replace(/\.ts$/, '.d.ts')]
        return path.endsWith('.lua') ? [path] : []
      }),
  )
}

function check(name, [script, ...args]) {
  try {
    console.log(run(process.execPath, [script, ...args]).trimEnd())
  } catch (error) {
    fail(`${name}:\n${error.stdout ?? ''}${error.stderr ?? ''}`)
  }
}

function run(command, args) {
  return execFileSync(command, args, {
    cwd: root,
    encoding: 'utf8',
    stdio: 'pipe',
    env: { ...process.env, NO_COLOR: '1' },
  })
}

/** The script behind a tool's command, run with this Node and not with whichever the PATH has first. */
function tool(name) {
  return join(root, 'node_modules/.bin', name)
}

function fail(message) {
  console.error(message)
  failed = true
}
