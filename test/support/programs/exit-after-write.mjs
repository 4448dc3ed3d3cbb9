// Writes an entity and ends with process.exit() before anything can be pushed: `exit-after-write.mjs <redis> <directory>`.
import { createRequire } from 'node:module'

const require = createRequire(import.meta.url)
const { AuditLogger } = require('../../../dist/src/index.js')
const { DataSource, EntitySchema } = require('typeorm')

const [redis, spillDirectory] = process.argv.slice(2)
const Bill = new EntitySchema({ name: 'Bill', columns: { id: { type: 'int', primary: true }, note: { type: 'text' } } })
const dataSource = new DataSource({ type: 'sqljs', entities: [Bill], synchronize: true })
await dataSource.initialize()
const logger = { debug() {}, info() {}, warn() {}, error: console.error }
new AuditLogger({ redis, spillDirectory, models: 'all', lifecycleEvents: false, logger }).attach(dataSource)
await dataSource.manager.insert('Bill', { id: 1, note: 'new' })
await dataSource.manager.update('Bill', 1, { note: 'changed' })
process.exit(0)
