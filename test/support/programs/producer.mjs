// Sends numbered events as an application does: `node producer.mjs <name> <count> <pause>`; prints `done` when all are pushed.
import { createRequire } from 'node:module'
import { setTimeout as delay } from 'node:timers/promises'

const { sendLog, close } = createRequire(import.meta.url)('../../../dist/src/index.js')
const [name, count, pause] = process.argv.slice(2)

for (let n = 0; n < Number(count); n += 1) {
  sendLog('TICK', { producer: name, n, padding: 'é'.repeat(n % 200) })
  // Some turns of the event loop in between, so that the events come in many pushes.
  if (n % 200 === 199) await delay(Number(pause))
}
await close()
console.log('done')
