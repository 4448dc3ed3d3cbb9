// The native binding of better-sqlite3, for the tests. npm does not reliably build it: from version 11 on it refuses
// install scripts, and before that it goes on silently when one fails. Each version of Node needs a binding of its own,
// and .ci/run uses two, so they stand side by side in .cache/ and the tests give theirs to TypeORM (`nativeBinding`).
//
//   node scripts/better-sqlite3.mjs           builds the binding for this Node unless it is there; prints its path
//   node scripts/better-sqlite3.mjs --check   builds nothing; exits 1 and says what to do when it is not there
import { execFileSync, spawnSync } from 'node:child_process'
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const CACHE = join(ROOT, '.cache/better-sqlite3')
const require = createRequire(join(ROOT, 'package.json'))
const PLATFORM = `${process.platform}-${process.arch}`
const NODE = `Node ${process.version} on ${PLATFORM}`

try {
  const folder = packageFolder()
  const { version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
  const binding = join(CACHE, `${version}-${PLATFORM}-${process.versions.modules}.node`)
  const problem = problemOf(binding)
  if (problem !== undefined) {
    if (process.argv.includes('--check')) {
      throw new Error(`${binding} does not load (${problem}); build it with: npm run services`)
    }
    provide(folder, binding)
  }
  console.log(binding)
} catch (error) {
  console.error(`better-sqlite3 for ${NODE}: ${error.message}`)
  process.exitCode = 1
}

function packageFolder() {
  try {
    return dirname(require.resolve('better-sqlite3/package.json'))
  } catch {
    throw new Error('the package is not installed; npm ci installs it, unless told to leave optional ones out')
  }
}

/** Why better-sqlite3 cannot work with this file. In a process of its own: a binding of another Node may crash it. */
function problemOf(binding) {
  if (!existsSync(binding)) return 'no such file'
  const open = `new (require('better-sqlite3'))(':memory:', { nativeBinding: process.argv[1] }).close()`
  const { status, stderr } = spawnSync(process.execPath, ['-e', open, binding], { cwd: ROOT, encoding: 'utf8' })
  return status === 0 ? undefined : (/^\w*Error:.*/m.exec(stderr)?.[0] ?? `exit code ${status}`)
}

/** Takes what npm built or downloaded, where it did and it loads; else compiles. */
function provide(folder, binding) {
  mkdirSync(CACHE, { recursive: true })
  const scratch = mkdtempSync(join(CACHE, 'build-'))
  try {
    const present = join(folder, 'build/Release/better_sqlite3.node')
    const built = problemOf(present) === undefined ? present : compile(folder, scratch)
    // In one step, so that a second run at the same time never sees half a file.
    cpSync(built, join(scratch, 'whole.node'))
    renameSync(join(scratch, 'whole.node'), binding)
  } finally {
    rmSync(scratch, { recursive: true, force: true })
  }
  const problem = problemOf(binding)
  if (problem !== undefined) throw new Error(`was built, but does not load: ${problem}`)
}

/** In a copy, so that node_modules stays as npm made it, and two versions of Node do not share objects. */
function compile(folder, scratch) {
  const source = join(scratch, 'source')
  cpSync(folder, source, { recursive: true, filter: (path) => path !== join(folder, 'build') })
  const headers = withoutCleanupHook(headersFolder(scratch), scratch)
  const from = headers === undefined ? 'the headers that node-gyp downloads' : `the headers in ${headers}`
  console.error(`services: compiling better-sqlite3 for ${NODE} with ${from}; takes a minute or two`)
  const [command, ...args] = nodeGyp()
  const options = ['rebuild', '--release', '--jobs', '2', ...(headers === undefined ? [] : [`--nodedir=${headers}`])]
  // node-gyp takes npm_config_nodedir before its option, and npm sets it from a user's .npmrc: there it may name the
  // headers of another Node.
  const { npm_config_nodedir: _, ...inherited } = process.env
  const env = { ...inherited, ...(headers !== undefined && { npm_config_nodedir: headers }) }
  const { status, stdout, stderr, error } = spawnSync(command, [...args, ...options], {
    cwd: source,
    encoding: 'utf8',
    env,
    maxBuffer: 64 * 1024 * 1024,
  })
  if (status === 0) return join(source, 'build/Release/better_sqlite3.node')
  const output = `${stdout ?? ''}${stderr ?? ''}${error ?? ''}`.trimEnd().split('\n').slice(-25).join('\n')
  throw new Error(`node-gyp failed; it needs g++, make, python3 and Node's headers. The end of its output:\n${output}`)
}

/**
 * Node 24.21 lets every wrapped object remove a clean-up hook when it is collected, which ends the process where no
 * context is entered then (`Assertion failed: (env) != nullptr`). The class is written out in this header alone, so the
 * binding is compiled with a copy in which it does as before.
 */
function withoutCleanupHook(headers, scratch) {
  const name = 'include/node/node_object_wrap.h'
  const text = headers === undefined ? '' : readFileSync(join(headers, name), 'utf8')
  if (!text.includes('    RemoveCleanupHook();')) return headers
  const copy = join(scratch, 'patched')
  cpSync(join(headers, 'include'), join(copy, 'include'), { recursive: true })
  writeFileSync(join(copy, name), text.replace('    AddCleanupHook();', '').replace('    RemoveCleanupHook();', ''))
  return copy
}

/**
 * Where include/node/node.h is: beside this Node, as in its official tarballs and images, and in packages of nodesource;
 * else in npm's package of the same version, because a machine that reaches a registry need not reach nodejs.org.
 */
function headersFolder(scratch) {
  const prefix = dirname(dirname(process.execPath))
  if (headersVersion(prefix) === process.version) return prefix
  const name = `node-${PLATFORM.replace('win32', 'win')}`
  try {
    const folder = join(scratch, 'headers')
    mkdirSync(folder)
    writeFileSync(join(folder, 'package.json'), '{ "private": true }')
    const args = ['install', '--prefix', folder, '--no-save', '--ignore-scripts', '--no-audit', '--no-fund']
    execFileSync('npm', [...args, `${name}@${process.versions.node}`], { stdio: 'ignore' })
    const found = join(folder, 'node_modules', name)
    return headersVersion(found) === process.version ? found : undefined
  } catch {
    return undefined
  }
}

function headersVersion(prefix) {
  const header = join(prefix, 'include/node/node_version.h')
  if (!existsSync(header)) return undefined
  const text = readFileSync(header, 'utf8')
  const part = (name) => new RegExp(`#define NODE_${name}_VERSION (\\d+)`).exec(text)?.[1]
  return `v${part('MAJOR')}.${part('MINOR')}.${part('PATCH')}`
}

/** npm brings node-gyp with it, but does not put it into PATH. */
function nodeGyp() {
  const inPath = (process.env.PATH ?? '').split(delimiter).map((folder) => join(folder, 'npm'))
  const script = [process.env.npm_execpath, inPath.find((file) => existsSync(file))]
    .filter((file) => file !== undefined && existsSync(file))
    // …/npm/bin/npm-cli.js, which `npm` is a link to.
    .map((file) => join(dirname(realpathSync(file)), '../node_modules/node-gyp/bin/node-gyp.js'))
    .find((file) => existsSync(file))
  return script === undefined ? ['npx', '--yes', 'node-gyp@12'] : [process.execPath, script]
}
