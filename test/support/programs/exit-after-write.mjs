// Writes an entity, and so many more in a transaction, and ends with process.exit() before anything can be pushed:
// `exit-after-write.mjs <redis> <directory> <count>`.
import { createRequire } from 'node:module'

const require = createRequire(import.meta.url)
const { AuditLogger } = require('../../../dist/src/index.js')
const { DataSource, EntitySchema } = require('typeorm')

const [redis, spillDirectory, count] = process.argv.slice(2)
const Bill = new EntitySchema({ name: 'Bill', columns: { id: { type: 'int', primary: true }, note: { type: 'text' } } })
const dataSource = new DataSource({ type: 'sqljs', entities: [Bill], synchronize: true })
await dataSource.initialize()
const logger = { debug() {}, info() {}, warn() {}, error: console.error }
new AuditLogger({ redis, spillDirectory, models: 'all', lifecycleEvents: false, logger }).attach(dataSource)
await dataSource.manager.insert('Bill', { id: 1, note: 'new' })
await dataSource.manager.update('Bill', 1, { note: 'changed' })
await dataSource.transaction(async (manager) => {
  for (let id = 2; id < Number(count) + 2; id += 1_000) {
    const length = Math.min(1_000, Number(count) + 2 - id)
    await manager.insert(
      'Bill',
      Array.from({ length }, (_, index) => ({ id: id + index, note: 'one of many' })),
    )
  }
})
process.exit(0)
