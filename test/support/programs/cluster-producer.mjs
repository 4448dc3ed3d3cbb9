// Pushes one event to a Redis Cluster and then another one after a pause, closes only its own connection, and is done:
// `node cluster-producer.mjs <nodes as JSON>`.
import { createRequire } from 'node:module'
import { setTimeout as delay } from 'node:timers/promises'

const require = createRequire(import.meta.url)
const { AuditLogger } = require('../../../dist/src/index.js')
const { Cluster } = require('ioredis')

const redis = new Cluster(JSON.parse(process.argv[2]))
const audit = new AuditLogger({ redis, shards: 4, lifecycleEvents: false })
audit.sendLog('FIRST')
await audit.flush()
// Longer than an idle connection to a Cluster is kept.
await delay(3_000)
audit.sendLog('SECOND')
await audit.flush()
redis.disconnect()
console.log('done')
