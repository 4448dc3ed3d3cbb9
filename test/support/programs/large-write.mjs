// Updates every row of a large table under capture: `large-write.mjs <JSON of the data source> <redis> <rows>`.
import { createRequire } from 'node:module'

const require = createRequire(import.meta.url)
const { AuditLogger } = require('../../../dist/src/index.js')
const { DataSource, EntitySchema } = require('typeorm')

const [options, redis, rows] = process.argv.slice(2)
const texts = Object.fromEntries(Array.from({ length: 10 }, (_, n) => [`text${n}`, { type: 'varchar', length: 200 }]))
const columns = { id: { type: 'int', primary: true }, state: { type: 'int' }, ...texts }
const Wide = new EntitySchema({ name: 'Wide', columns })

const dataSource = new DataSource({ ...JSON.parse(options), entities: [Wide], synchronize: true })
await dataSource.initialize()
const quote = (name) => dataSource.driver.escape(name)
const numbers =
  dataSource.options.type === 'postgres'
    ? `generate_series(1, ${rows}) AS s(seq)`
    : dataSource.options.type === 'mariadb'
      ? `seq_1_to_${rows}`
      : `(WITH RECURSIVE s(seq) AS (SELECT 1 UNION ALL SELECT seq + 1 FROM s WHERE seq < ${rows}) SELECT seq FROM s)`
const wide = Array.from({ length: 10 }, () => `'${'x'.repeat(200)}'`).join(', ')
await dataSource.query(`INSERT INTO ${quote('wide')} SELECT seq, 0, ${wide} FROM ${numbers}`)

const logger = { debug() {}, info() {}, warn: console.error, error: console.error }
const audit = new AuditLogger({ redis, models: ['Wide'], lifecycleEvents: false, logger }).attach(dataSource)
const { affected } = await dataSource.createQueryBuilder().update(Wide).set({ state: 1 }).execute()
await audit.flush()
console.log(JSON.stringify({ affected, ...audit.counts, rss: process.resourceUsage().maxRSS }))
await audit.close()
await dataSource.destroy()
