// A producer's queue in a process of its own: `node queue.mjs <JSON>` with
//   settings  of the queue
//   count     how many lines to push: `<name>-0` …
//   each      how many in one turn of the event loop
//   bytes     how long each line is
//   end       what to do then: stay (until killed), flush and stay, close, exit without close, or return
//             (and end when nothing keeps the process)
// Prints `ready` when all were pushed, `flushed`, and its counts after each as JSON.
import { createRequire } from 'node:module'

const { createQueue } = createRequire(import.meta.url)('../../../dist/src/queue/producer.js')
const { loadSettings } = createRequire(import.meta.url)('../../../dist/config/settings.js')
const { settings, name = '', count = 0, each = count, bytes = 0, end = 'stay' } = JSON.parse(process.argv[2])
const quiet = () => undefined
const logger = { debug: quiet, info: quiet, warn: say, error: say }
const queue = createQueue(loadSettings({ ...settings, logger }, {}))
const began = process.cpuUsage()

queue.open()
for (let n = 0; n < count; n += each) {
  const numbers = Array.from({ length: Math.min(each, count - n) }, (_, i) => n + i)
  queue.push(numbers.map((i) => `${name}-${i}`.padEnd(bytes, '.')))
  if (each < count) await new Promise((resolve) => setImmediate(resolve))
}
// Before `ready`: a signal that comes sooner would end the process.
if (end === 'stay' || end === 'flush') process.on('SIGUSR2', () => tell('asked'))
tell('ready')
if (end === 'flush') await queue.flush().then(() => tell('flushed'))
if (end === 'close') await queue.close().then(() => tell('closed'))
if (end === 'exit') process.exit(0)
if (end === 'stay' || end === 'flush') setInterval(() => undefined, 1_000)

function tell(what) {
  const { user, system } = process.cpuUsage(began)
  const { heapUsed } = process.memoryUsage()
  console.log(JSON.stringify({ what, ...queue.counts, cpuMs: (user + system) / 1000, heapMb: heapUsed / 2 ** 20 }))
}

function say(fields, message) {
  console.error(JSON.stringify({ ...fields, message }))
}
