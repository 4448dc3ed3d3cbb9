// The real worker of dist/, which stops or kills itself at one named point of its state machine (worker/step.ts):
// `node worker.mjs '{"tuning":{…},"at":{"step":"marked","nth":1,"signal":"SIGKILL","afterMs":0}}'`.
// A signal that another process sends comes somewhere near a point; one that the worker sends itself comes at it.
import { createRequire } from 'node:module'

const require = createRequire(import.meta.url)
const { tuning, at } = JSON.parse(process.argv[2])
const flusherModule = require('../../../dist/worker/flusher.js')
const { NO_METRICS } = require('../../../dist/worker/metrics.js')
const met = new Map()

function onStep(step) {
  const count = (met.get(step) ?? 0) + 1
  met.set(step, count)
  if (step !== at.step || count !== at.nth) return undefined
  const strike = () => process.kill(process.pid, at.signal)
  if (at.afterMs > 0) setTimeout(strike, at.afterMs)
  else strike()
  return undefined
}

const { Flusher } = flusherModule
flusherModule.Flusher = class extends Flusher {
  constructor(redis, settings, logger, metrics = NO_METRICS, _, ...rest) {
    super(redis, settings, logger, metrics, onStep, ...rest)
  }
}

const { startWorker } = require('../../../dist/worker/index.js')
const starting = startWorker({ worker: tuning })
// Before it has started: a signal that comes sooner would end the process as it stands.
process.once('SIGTERM', async () => {
  await (await starting).close()
  process.exit(0)
})
await starting
