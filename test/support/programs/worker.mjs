// A worker with a lease and waits that suit a test: settings come from the environment, tuning from the first argument.
import { createRequire } from 'node:module'

const { startWorker } = createRequire(import.meta.url)('../../../dist/worker/index.js')
const starting = startWorker({ worker: JSON.parse(process.argv[2] ?? '{}') })
// Before it has started: a signal that comes sooner would end the process as it stands.
process.once('SIGTERM', async () => {
  await (await starting).close()
  process.exit(0)
})
await starting
