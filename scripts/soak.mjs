// Random mixes of faults for as long as you like: `npm run soak -- 30` (minutes; 10 unless given). Repeat what it finds
// with the seed that it prints: FAULT_SEED=<seed> FAULT_RUNS=1 npx vitest run test/faults/mixes.test.ts
import { spawnSync } from 'node:child_process'

const minutes = Number(process.argv[2] ?? 10)
if (!(minutes > 0)) {
  console.error(`npm run soak -- <minutes>: a number above 0, not ${process.argv[2]}`)
  process.exit(2)
}
const until = Date.now() + minutes * 60_000
const first = Number(process.env.FAULT_SEED ?? Date.now() % 1_000_000_000)
const RUNS = Number(process.env.FAULT_RUNS ?? 100)
let failed = 0
for (let seed = first; Date.now() < until; seed += RUNS) {
  const env = { ...process.env, FAULT_SEED: String(seed), FAULT_RUNS: String(RUNS) }
  const args = ['vitest', 'run', '--project', 'faults', '--reporter', 'dot', 'test/faults/mixes.test.ts']
  const { status } = spawnSync('npx', args, { stdio: 'inherit', env })
  if (status !== 0) failed += 1
}
console.log(
  failed === 0 ? `no fault found in ${minutes} minutes from seed ${first}` : `${failed} rounds found something`,
)
process.exitCode = failed === 0 ? 0 : 1
