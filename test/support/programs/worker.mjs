// A worker with a lease and waits that suit a test: settings come from the environment, tuning from the first argument.
import { createRequire } from 'node:module'

const { startWorker } = createRequire(import.meta.url)('../../../dist/worker/index.js')
const worker = await startWorker({ worker: JSON.parse(process.argv[2] ?? '{}') })
process.once('SIGTERM', () => worker.close().then(() => process.exit(0)))
