// Compiles the benchmarks, with all they measure, into .cache/bench, and runs one or all of them:
// `npm run bench -- [push|flush|save|memory|context|capture|ship …] [--quick] [--json] [--rounds n]`; capture and ship, which
// take minutes and install what they compare with, only when they are named.
import { spawnSync } from 'node:child_process'
import { cpSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const BENCHES = ['push', 'flush', 'save', 'memory', 'context']
const NAMED_ONLY = ['capture']
const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const out = join(root, '.cache', 'bench')

const words = process.argv.slice(2)
const known = [...BENCHES, ...NAMED_ONLY]
const named = words.filter((word) => known.includes(word))
const ship = words.includes('ship')
const options = words.filter((word) => !known.includes(word) && word !== 'ship')

const require = createRequire(import.meta.url)
const tsc = join(dirname(require.resolve('typescript/package.json')), 'bin', 'tsc')
run(tsc, '-p', join(root, 'tsconfig.bench.json'))
cpSync(join(root, 'src/queue/lua'), join(out, 'src/queue/lua'), { recursive: true })
for (const name of named.length > 0 || ship ? named : BENCHES) run(join(out, 'bench', `${name}.js`), ...options)
if (ship) run(join(root, 'bench', 'ship', 'run.mjs'), ...options)

function run(script, ...args) {
  const { status } = spawnSync(process.execPath, [script, ...args], { stdio: 'inherit', cwd: root })
  if (status !== 0) process.exit(status ?? 1)
}
