// Sends events and ends without close(): `node forgetful.mjs <count>`.
import { createRequire } from 'node:module'

const { sendLog } = createRequire(import.meta.url)('../../../dist/src/index.js')
for (let n = 0; n < Number(process.argv[2]); n += 1) sendLog('TICK', { n })
