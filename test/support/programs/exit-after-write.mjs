// Writes an entity, and so many more in a transaction, and ends with process.exit() before anything can be pushed:
// `exit-after-write.mjs <redis> <directory> <count>`. The last two writes are a user's whose organisation must be asked
// for, and has not been told by then.
import { createRequire } from 'node:module'

const require = createRequire(import.meta.url)
const { AuditLogger, runWithContext } = require('../../../dist/src/index.js')
const { DataSource, EntitySchema } = require('typeorm')

const [redis, spillDirectory, count] = process.argv.slice(2)
class User {}
const id = { type: 'int', primary: true }
const entities = [
  new EntitySchema({ name: 'Bill', columns: { id, note: { type: 'text' } } }),
  new EntitySchema({ name: 'Org', columns: { id, name: { type: 'text' } } }),
  new EntitySchema({
    name: 'User',
    target: User,
    columns: { id },
    relations: { organisation: { type: 'many-to-one', target: 'Org' } },
  }),
]
const dataSource = new DataSource({ type: 'sqljs', entities, synchronize: true })
await dataSource.initialize()
await dataSource.manager.insert('Org', { id: 1, name: 'Alpha' })
await dataSource.manager.insert('User', { id: 1, organisation: { id: 1 } })
const user = await dataSource.manager.findOneByOrFail(User, { id: 1 })
const logger = { debug() {}, info() {}, warn() {}, error: console.error }
const settings = { redis, spillDirectory, models: ['Bill'], lifecycleEvents: false, logger }
new AuditLogger({ ...settings, userOrganisationField: 'organisation' }).attach(dataSource)
await dataSource.transaction(async (manager) => {
  for (let id = 2; id < Number(count) + 2; id += 1_000) {
    const length = Math.min(1_000, Number(count) + 2 - id)
    await manager.insert(
      'Bill',
      Array.from({ length }, (_, index) => ({ id: id + index, note: 'one of many' })),
    )
  }
})
await runWithContext({ user }, () => dataSource.manager.insert('Bill', { id: 1, note: 'new' }))
await runWithContext({ user }, () => dataSource.manager.update('Bill', 1, { note: 'changed' }))
process.exit(0)
