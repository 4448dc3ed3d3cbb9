import 'reflect-metadata'
import { Redis } from 'ioredis'
import { DataSource } from 'typeorm'
import { AuditLogger, runWithContext } from '../src/index'
import { queueKeys } from '../src/queue/keys'
import { startPostgres } from '../test/support/postgres'
import { Invoice } from './support/invoice'
import { benchOptions } from './support/options'
import { print, type Row } from './support/report'
import { type Contender, cpuRatio, interleave, type Rates, ratio, spread } from './support/rounds'
import { benchRedis } from './support/services'

/** The pool of each data source, and how many saves are under way in the rows "at once". */
const AT_ONCE = 10
const WHO = { user: { id: 42, username: 'jane.doe' }, request: { id: 'r-1', method: 'POST', url: '/invoices/7/pay' } }

/** As an application's own database is, and as one that never waits for its disk: there the same work weighs most. */
const DATABASES = {
  durable: { fsync: 'on', synchronous_commit: 'on', full_page_writes: 'on' },
  'not durable': {},
}

/** What a save() costs with capture, against the same save() on a data source without. */
async function main(): Promise<void> {
  const options = benchOptions({ rounds: 15 })
  const count = options.quick ? 20 : 300
  const { server, redis, close } = await benchRedis()
  const rows: Row[] = []
  for (const [name, settings] of Object.entries(DATABASES)) {
    rows.push(...(await measure(name, settings, count, options.rounds, server.url)))
    await redis.flushall()
  }
  const what = `save() of an entity of 8 columns on PostgreSQL, ${count} a round; ${options.rounds} rounds, medians.`
  const unit = 'µs a save()'
  print({ bench: 'save', what, unit, against: 'not audited', rows, quick: options.quick }, options.json)
  await close()
}

async function measure(
  database: string,
  settings: Record<string, string>,
  count: number,
  rounds: number,
  redisUrl: string,
): Promise<Row[]> {
  const postgres = await startPostgres(settings)
  const { host, port, username } = postgres
  const source = () =>
    new DataSource({
      ...{ type: 'postgres', host, port, username, database: 'postgres', poolSize: AT_ONCE },
      entities: [Invoice],
    })
  const plain = await source().initialize()
  await plain.synchronize()
  const audited = await source().initialize()
  const audit = new AuditLogger({ redis: redisUrl }).attach(audited)
  const targets = [plain, audited]
  const contenders = [1, AT_ONCE].flatMap((atOnce) =>
    [inserts, updates].flatMap((kind) => targets.map((target) => kind(plain, target, count, atOnce))),
  )
  const rates = await interleave(contenders, rounds)
  await audit.flush()
  await expectEvents(redisUrl, queueKeys(audit.settings.prefix).pending, (rounds + 1) * count * 4)
  await audit.close()
  await Promise.all(targets.map((target) => target.destroy()))
  await postgres.stop()
  const names = [1, AT_ONCE].flatMap((atOnce) =>
    ['insert', 'update'].map((kind) => `${database}: ${kind}, ${atOnce} at once`),
  )
  return names.flatMap((name, index) => pair(name, rates.slice(index * 2, index * 2 + 2)))
}

/** A capture that misses events would be fast. */
async function expectEvents(url: string, pending: string, expected: number): Promise<void> {
  const redis = new Redis(url)
  const events = await redis.llen(pending)
  redis.disconnect()
  if (events !== expected) throw new Error(`${events} events were captured, not ${expected}`)
}

/** Whatever is not measured goes through the data source without capture. */
function inserts(plain: DataSource, target: DataSource, count: number, atOnce: number): Contender {
  const invoices = target.getRepository(Invoice)
  return {
    name: 'insert',
    prepare: () => plain.getRepository(Invoice).clear(),
    async run() {
      await spreadOver(atOnce, count, async (i) => void (await invoices.save(invoices.create(newInvoice(i)))))
      return count
    },
  }
}

function updates(plain: DataSource, target: DataSource, count: number, atOnce: number): Contender {
  const invoices = target.getRepository(Invoice)
  let loaded: Invoice[] = []
  let round = 0
  return {
    name: 'update',
    async prepare() {
      round += 1
      const unwatched = plain.getRepository(Invoice)
      await unwatched.clear()
      await unwatched.insert(Array.from({ length: count }, (_, i) => newInvoice(i)))
      loaded = await unwatched.find()
    },
    async run() {
      await spreadOver(atOnce, count, async (i) => {
        const invoice = loaded[i]
        if (invoice === undefined) throw new Error('an invoice is missing')
        invoice.status = 'paid'
        invoice.total = `${round}.50`
        invoice.paidAt = new Date()
        await invoices.save(invoice)
      })
      return count
    },
  }
}

/** Each save in a context of its own, as a request has it; the data source without capture runs in one as well. */
async function spreadOver(atOnce: number, count: number, save: (index: number) => Promise<void>): Promise<void> {
  let next = 0
  const one = async () => {
    for (let i = next++; i < count; i = next++) await runWithContext(WHO, () => save(i))
  }
  await Promise.all(Array.from({ length: atOnce }, one))
}

function newInvoice(i: number) {
  return { number: `R-${i}`, customer: `Customer ${i % 50}`, total: `${i}.00`, note: null, dueAt: new Date() }
}

/** Both as times: the ratio is what one save() takes to what the other takes. */
function pair(name: string, [plain, audited]: readonly Rates[]): Row[] {
  if (!plain || !audited) throw new Error(`${name} was not measured`)
  const micros = ({ perSecond }: Rates) => 1e6 / spread(perSecond).median
  const cpu = (rates: Rates) => ({ micros: spread(rates.cpuMicros).median, ratio: cpuRatio(plain, rates) })
  return [
    { name, value: micros(plain), cpu: cpu(plain) },
    {
      name: `${name}, audited`,
      value: micros(audited),
      ratio: ratio(plain, audited),
      aim: '≤ 1.10',
      cpu: cpu(audited),
    },
  ]
}

void main()
