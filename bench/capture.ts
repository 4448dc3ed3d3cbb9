import 'reflect-metadata'
import { DataSource, type DataSourceOptions } from 'typeorm'
import { AuditLogger } from '../src/index'
import type { DatabaseServer } from '../test/support/database-server'
import { startMariadb } from '../test/support/mariadb'
import { startPostgres } from '../test/support/postgres'
import { Bill } from './support/bill'
import { benchOptions } from './support/options'
import { print, type Row } from './support/report'
import { type Contender, cpuRatio, interleave, type Rates, ratio, spread } from './support/rounds'
import { benchRedis } from './support/services'

interface Work {
  readonly name: string
  /** Of the ratio of times, on PostgreSQL. */
  readonly aim?: string
  readonly times: number
  run(dataSource: DataSource, round: number, index: number): Promise<unknown>
}

const ROWS = 1_000

/** What each way of writing costs with capture, against the same write on a data source without. */
async function main(): Promise<void> {
  const options = benchOptions({ rounds: 9 })
  const scale = options.quick ? 0.05 : 1
  const { server, redis, close } = await benchRedis()
  const rows: Row[] = []
  for (const start of [startPostgres, startMariadb]) {
    const database = await start()
    rows.push(...(await measure(database, scale, options.rounds, server.url)))
    await database.stop()
    await redis.flushall()
  }
  const what = `Writes to an entity of 8 columns, in a table of ${ROWS} rows; ${options.rounds} rounds, medians.`
  print(
    { bench: 'capture', what, unit: 'µs a write', against: 'not audited', rows, quick: options.quick },
    options.json,
  )
  await close()
}

function works(scale: number): Work[] {
  const times = (count: number) => Math.max(1, Math.round(count * scale))
  return [
    {
      name: 'save() of a new one',
      aim: '≤ 1.05',
      times: times(200),
      run: ({ manager }, _, i) => manager.save(Bill, manager.create(Bill, bill(ROWS + i))),
    },
    {
      name: 'save() of a change',
      aim: '≤ 1.05',
      times: times(200),
      run: ({ manager }, round, i) => manager.save(Bill, { id: i + 1, status: `s${round}` }),
    },
    {
      name: 'update by id',
      aim: '≤ 1.6',
      times: times(200),
      run: ({ manager }, round, i) => manager.update(Bill, i + 1, { status: `u${round}` }),
    },
    { name: 'insert()', times: times(200), run: ({ manager }, _, i) => manager.insert(Bill, bill(ROWS + i)) },
    {
      name: `update of ${ROWS} rows`,
      aim: '≤ 2.5',
      times: times(5),
      run: ({ manager }, round, i) =>
        manager
          .createQueryBuilder()
          .update(Bill)
          .set({ status: `a${round}${i}` })
          .where('id <= :most', { most: ROWS })
          .execute(),
    },
  ]
}

async function measure(server: DatabaseServer, scale: number, rounds: number, redis: string): Promise<Row[]> {
  const { kind, host, port, username } = server
  const database = kind === 'postgres' ? 'postgres' : 'test'
  const options = { type: kind, host, port, username, database, entities: [Bill] } as DataSourceOptions
  if (kind === 'mariadb') await createTestDatabase(options)
  const plain = await new DataSource(options).initialize()
  await plain.synchronize()
  const audited = await new DataSource(options).initialize()
  const audit = new AuditLogger({ redis, models: 'all' }).attach(audited)
  const rows: Row[] = []
  for (const work of works(scale)) {
    const contenders = [plain, audited].map((target) => contender(plain, target, work))
    const [floor, rates] = await interleave(contenders, rounds)
    await audit.flush()
    if (floor && rates)
      rows.push(...pair(`${kind}: ${work.name}`, floor, rates, kind === 'postgres' ? work.aim : undefined))
  }
  await audit.close()
  await Promise.all([plain.destroy(), audited.destroy()])
  return rows
}

async function createTestDatabase(options: DataSourceOptions): Promise<void> {
  const server = await new DataSource({ ...options, entities: [], database: 'mysql' } as DataSourceOptions).initialize()
  await server.query('CREATE DATABASE IF NOT EXISTS test')
  await server.destroy()
}

function contender(plain: DataSource, target: DataSource, { name, times, run }: Work): Contender {
  let round = 0
  return {
    name,
    async prepare() {
      round += 1
      const bills = plain.getRepository(Bill)
      await bills.clear()
      if (plain.options.type === 'postgres') await plain.query('ALTER SEQUENCE bill_id_seq RESTART')
      await bills.insert(Array.from({ length: ROWS }, (_, i) => bill(i)))
    },
    async run() {
      for (let i = 0; i < times; i += 1) await run(target, round, i)
      return times
    },
  }
}

function bill(i: number) {
  return { number: `R-${i}`, customer: `Customer ${i % 50}`, total: `${i}.00`, note: null, dueAt: new Date() }
}

function pair(name: string, plain: Rates, audited: Rates, aim: string | undefined): Row[] {
  const micros = ({ perSecond }: Rates) => 1e6 / spread(perSecond).median
  const cpu = (rates: Rates) => ({ micros: spread(rates.cpuMicros).median, ratio: cpuRatio(plain, rates) })
  return [
    { name, value: micros(plain), cpu: cpu(plain) },
    {
      name: `${name}, audited`,
      value: micros(audited),
      ratio: ratio(plain, audited),
      ...(aim && { aim }),
      cpu: cpu(audited),
    },
  ]
}

void main()
