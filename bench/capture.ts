import 'reflect-metadata'
import type { DatabaseServer } from '../test/support/database-server'
import { startMariadb } from '../test/support/mariadb'
import { startPostgres } from '../test/support/postgres'
import { ourSubjects } from './capture/ours'
import { installPeers, peerSubjects } from './capture/peers'
import type { Database, Subject } from './capture/subject'
import { contender, type Write, writesOf } from './capture/writes'
import { benchOptions } from './support/options'
import { print, type Row } from './support/report'
import { cpuRatio, interleave, type Rates, ratio, spread } from './support/rounds'
import { benchRedis } from './support/services'

const DURABLE = { fsync: 'on', synchronous_commit: 'on', full_page_writes: 'on' }

/** What each kind of write costs with capture, against the same write without: this package and two published ones. */
async function main(): Promise<void> {
  const options = benchOptions({ rounds: 9 })
  installPeers()
  const { server, redis, close } = await benchRedis()
  const rows: Row[] = []
  const databases: [string, () => Promise<DatabaseServer>][] = [
    ['PostgreSQL', () => startPostgres(DURABLE)],
    ['PostgreSQL, not durable', () => startPostgres()],
    ['MariaDB, not durable', startMariadb],
  ]
  for (const [name, start] of databases) {
    const database = await start()
    const address = await addressOf(database)
    const subjects = [...(await ourSubjects(address, server.url)), ...(await peerSubjects(address))]
    for (const write of writesOf(options.quick)) rows.push(...(await measure(name, write, subjects, options.rounds)))
    for (const subject of subjects) await subject.close()
    await database.stop()
    await redis.flushall()
  }
  const what = `One write after the other, of an entity of 8 columns, after 1,000 that are not measured; ${options.rounds} rounds, medians. A write's time is what its caller waits; CPU time has all of it. The other packages stand on TypeORM 0.3.31, and each is measured against the same TypeORM without it.`
  print(
    { bench: 'capture', what, unit: 'µs a write', against: 'not audited', rows, quick: options.quick },
    options.json,
  )
  await close()
}

async function addressOf({ kind, host, port, username }: DatabaseServer): Promise<Database> {
  if (kind === 'postgres') return { type: 'postgres', host, port, username, database: 'postgres' }
  const { createConnection } = await import('mysql2/promise')
  const connection = await createConnection({ host, port, user: username })
  await connection.query('CREATE DATABASE bench')
  await connection.end()
  return { type: 'mariadb', host, port, username, database: 'bench' }
}

async function measure(database: string, write: Write, subjects: readonly Subject[], rounds: number): Promise<Row[]> {
  for (const subject of subjects) await subject.records()
  const contenders = subjects.flatMap(({ plain, audited, settle }) => [
    contender(write, plain, plain, async () => undefined),
    contender(write, plain, audited, settle),
  ])
  const rates = await interleave(contenders, rounds, write.warmUp)
  const rows: Row[] = []
  for (const [index, subject] of subjects.entries()) {
    const pair = rates.slice(index * 2, index * 2 + 2)
    const recorded = (await subject.records()) / ((rounds + write.warmUp) * write.writes)
    // A capture that misses changes would be fast.
    const share = `${recorded} of ${write.rows} recorded a write`
    rows.push(...rowsOf(`${database}: ${write.name}`, subject, pair, share, index === 0 ? write.aim : undefined))
  }
  return rows
}

/** Times, so the ratio is what one write takes to what the other takes. */
function rowsOf(
  name: string,
  subject: Subject,
  [plain, audited]: readonly Rates[],
  share: string,
  aim?: string,
): Row[] {
  if (!plain || !audited) throw new Error(`${name} was not measured`)
  const micros = ({ perSecond }: Rates) => 1e6 / spread(perSecond).median
  const cpu = { micros: spread(audited.cpuMicros).median, ratio: cpuRatio(plain, audited) }
  const row = { name: `${name}, ${subject.name}: ${share}`, value: micros(audited), ratio: ratio(plain, audited), cpu }
  return [aim === undefined ? row : { ...row, aim }]
}

void main()
