import type { DataSource, QueryRunner } from 'typeorm'
import { beforeEach, describe, expect, it } from 'vitest'
import { TransactionFrames } from '../../../src/capture/frames'
import type { CapturedEvent, Recorder } from '../../../src/recorder'
import { Reports } from '../../../src/report'

type Delivery = { ids: string[]; transaction: string | undefined }

/** One connection, told of statement by statement. */
class Connection {
  readonly deliveries: Delivery[] = []
  readonly reports = new Reports({ debug: none, info: none, warn: none, error: none })
  readonly frames: TransactionFrames
  readonly queryRunner = { isTransactionActive: false }
  readonly #dataSource: DataSource

  constructor(type: string) {
    const recorder: Recorder = {
      capture: () => ({ id: '' }),
      moment: () => undefined,
      captureSoon: () => () => ({ id: '' }),
      deliver: (events, transaction) => this.deliveries.push({ ids: events.map((event) => event.id), transaction }),
      flush: async () => undefined,
      refusal: () => undefined,
    }
    this.frames = new TransactionFrames(recorder, this.reports)
    this.#dataSource = { options: { type } } as unknown as DataSource
  }

  get runner(): QueryRunner {
    return this.queryRunner as unknown as QueryRunner
  }

  write(id: string): this {
    this.frames.record(this.runner, [{ id } as CapturedEvent])
    return this
  }

  run(query: string, rawResults?: unknown): this {
    this.frames.observe({ dataSource: this.#dataSource, queryRunner: this.runner, query, success: true, rawResults })
    return this
  }

  fail(query: string, error: unknown = new Error('refused')): this {
    this.frames.observe({ dataSource: this.#dataSource, queryRunner: this.runner, query, success: false, error })
    return this
  }

  get delivered(): string[] {
    return this.deliveries.flatMap(({ ids }) => ids)
  }
}

const none = () => undefined
/** MySQL's answer to a statement without rows; status 3 is autocommit and in a transaction. */
const ok = (serverStatus: number, affectedRows = 1) => ({ fieldCount: 0, affectedRows, serverStatus, info: '' })
const IN = 3
const OUT = 2

let connection: Connection

describe.each(['postgres', 'mysql', 'better-sqlite3', 'mssql'])('on %s', (type) => {
  beforeEach(() => {
    connection = new Connection(type)
  })

  it('delivers at once what is written outside a transaction, and without a transaction id', () => {
    connection.write('a').write('b')
    expect(connection.deliveries).toEqual([
      { ids: ['a'], transaction: undefined },
      { ids: ['b'], transaction: undefined },
    ])
  })

  it('delivers a transaction in one call after COMMIT, in the order of capture, under one id', () => {
    connection.run('BEGIN').write('a').run('SELECT 1').write('b')
    expect(connection.delivered).toEqual([])
    connection.run('COMMIT').write('c')
    expect(connection.deliveries.map(({ ids }) => ids)).toEqual([['a', 'b'], ['c']])
    expect(connection.deliveries[0]?.transaction).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7/)
  })

  it('gives each transaction an id of its own', () => {
    connection.run('BEGIN').write('a').run('COMMIT').run('BEGIN').write('b').run('COMMIT')
    const [first, second] = connection.deliveries.map(({ transaction }) => transaction)
    expect(first).not.toBe(second)
  })

  it('drops a rolled-back transaction and goes on with the next', () => {
    connection.run('BEGIN').write('a').run('ROLLBACK').write('b').run('START TRANSACTION').write('c').run('COMMIT')
    expect(connection.delivered).toEqual(['b', 'c'])
  })

  it('delivers nothing of an empty transaction', () => {
    connection.run('BEGIN').run('COMMIT')
    expect(connection.deliveries).toEqual([])
  })

  it('drops what a savepoint takes back and keeps the rest, three deep', () => {
    connection.run('BEGIN').write('1')
    connection.run('SAVEPOINT a').write('2')
    connection.run('SAVEPOINT b').write('3')
    connection.run('SAVEPOINT c').write('4').run('RELEASE SAVEPOINT c')
    connection.run('ROLLBACK TO SAVEPOINT b').write('5')
    connection.run('RELEASE SAVEPOINT a').write('6').run('COMMIT')
    expect(connection.delivered).toEqual(['1', '2', '5', '6'])
  })

  it('keeps a savepoint set after a rollback to it, so that it can be rolled back to again', () => {
    connection
      .run('BEGIN')
      .run('SAVEPOINT a')
      .write('1')
      .run('ROLLBACK TO a')
      .write('2')
      .run('ROLLBACK TO a')
      .write('3')
    connection.run('COMMIT')
    expect(connection.delivered).toEqual(['3'])
  })

  it('takes the innermost of savepoints of one name, as TypeORM names them again and again', () => {
    connection.run('BEGIN').write('1')
    connection.run('SAVEPOINT typeorm_1').write('2').run('ROLLBACK TO SAVEPOINT typeorm_1')
    connection.run('SAVEPOINT typeorm_1').write('3').run('RELEASE SAVEPOINT typeorm_1')
    connection.run('SAVEPOINT typeorm_1').write('4').run('ROLLBACK TO SAVEPOINT typeorm_1').run('COMMIT')
    expect(connection.delivered).toEqual(['1', '3'])
  })

  it('drops everything on a rollback to a savepoint that it has not seen set', () => {
    connection.run('BEGIN').write('1').run('SAVEPOINT a').write('2').run('ROLLBACK TO unseen').write('3').run('COMMIT')
    expect(connection.delivered).toEqual(['3'])
  })

  it('takes a failed savepoint, release or rollback to one for nothing', () => {
    connection.run('BEGIN').write('1').fail('SAVEPOINT a').fail('RELEASE a').fail('ROLLBACK TO a').run('COMMIT')
    expect(connection.delivered).toEqual(['1'])
  })

  it('begins again after AND CHAIN', () => {
    connection
      .run('BEGIN')
      .write('1')
      .run('COMMIT AND CHAIN')
      .write('2')
      .run('ROLLBACK AND CHAIN')
      .write('3')
      .run('COMMIT')
    expect(connection.deliveries.map(({ ids }) => ids)).toEqual([['1'], ['3']])
  })

  it('drops a transaction whose ROLLBACK fails: the connection is gone, or there is none', () => {
    connection.run('BEGIN').write('1').fail('ROLLBACK').write('2')
    expect(connection.delivered).toEqual(['2'])
  })

  it('keeps query runners apart', () => {
    const other = { isTransactionActive: false } as unknown as QueryRunner
    connection.run('BEGIN').write('1')
    connection.frames.record(other, [{ id: 'other' }])
    expect(connection.delivered).toEqual(['other'])
  })

  it('waits for the hook when TypeORM says that a transaction is active but no statement told', () => {
    connection.queryRunner.isTransactionActive = true
    connection.write('1').write('2')
    connection.frames.transactionEnded(connection.runner, 'committed')
    expect(connection.delivered).toEqual([])
    connection.queryRunner.isTransactionActive = false
    connection.frames.transactionEnded(connection.runner, 'committed')
    expect(connection.deliveries.map(({ ids }) => ids)).toEqual([['1', '2']])
  })

  it('drops such a transaction when the hook says that it was rolled back', () => {
    connection.queryRunner.isTransactionActive = true
    connection.write('1')
    connection.queryRunner.isTransactionActive = false
    connection.frames.transactionEnded(connection.runner, 'rolled back')
    connection.write('2')
    expect(connection.delivered).toEqual(['2'])
  })

  it('does not take a hook for the end of a transaction whose statements it follows', () => {
    connection.run('BEGIN').write('1')
    connection.frames.transactionEnded(connection.runner, 'committed')
    expect(connection.delivered).toEqual([])
    connection.run('ROLLBACK')
    connection.frames.transactionEnded(connection.runner, 'committed')
    expect(connection.delivered).toEqual([])
  })

  it('delivers at once, after a COMMIT, although TypeORM has not yet noted it', () => {
    connection.queryRunner.isTransactionActive = true
    connection.run('BEGIN').write('1').run('COMMIT').write('2')
    expect(connection.delivered).toEqual(['1', '2'])
  })
})

describe('PostgreSQL', () => {
  beforeEach(() => {
    connection = new Connection('postgres')
  })

  it('drops a transaction whose COMMIT was answered with ROLLBACK', () => {
    connection.run('START TRANSACTION').write('1').run('COMMIT', { command: 'ROLLBACK' }).write('2')
    expect(connection.delivered).toEqual(['2'])
  })

  it('reads the answers to several statements in one query', () => {
    connection.run('BEGIN; SELECT 1', [{ command: 'BEGIN' }, { command: 'SELECT' }]).write('1')
    connection.run('SELECT 1; COMMIT', [{ command: 'SELECT' }, { command: 'COMMIT' }])
    connection
      .run('BEGIN')
      .write('2')
      .run('SELECT 1; COMMIT', [{ command: 'SELECT' }, { command: 'ROLLBACK' }])
    expect(connection.delivered).toEqual(['1'])
  })

  it('is not confused by a second BEGIN, of which the database only warns', () => {
    connection.run('BEGIN').write('1').run('BEGIN').write('2').run('ROLLBACK')
    expect(connection.delivered).toEqual([])
  })

  it('drops a transaction whose COMMIT was refused, without a report: its outcome is known', () => {
    connection.run('BEGIN').write('1').fail('COMMIT', { code: '23503', message: 'violates foreign key' }).write('2')
    expect(connection.delivered).toEqual(['2'])
    expect(connection.reports.counts.size).toBe(0)
  })

  it.each([{ code: '57P01' }, { code: '08006' }, { code: 'ECONNRESET' }, new Error('Connection terminated')])(
    'reports a COMMIT whose outcome is unknown: %o',
    (error) => {
      connection.run('BEGIN').write('1').write('2').fail('COMMIT', error)
      expect(connection.delivered).toEqual([])
      expect([...connection.reports.counts]).toEqual([['AUDIT_COMMIT_UNKNOWN', 1]])
    },
  )

  it('drops and reports what PREPARE TRANSACTION hands over', () => {
    connection.run('BEGIN').write('1').run("PREPARE TRANSACTION 'x'").write('2')
    expect(connection.delivered).toEqual(['2'])
    expect([...connection.reports.counts]).toEqual([['AUDIT_TRANSACTION_PREPARED', 1]])
  })
})

describe('MySQL', () => {
  beforeEach(() => {
    connection = new Connection('mariadb')
  })

  it('delivers when a statement commits implicitly', () => {
    connection.run('START TRANSACTION', ok(IN)).write('1').run('CREATE TABLE t (a int)', ok(OUT)).write('2')
    connection.run('ROLLBACK', ok(OUT))
    expect(connection.delivered).toEqual(['1', '2'])
  })

  it('does not believe a proxy that did not tell when the transaction began', () => {
    connection.run('START TRANSACTION', ok(OUT)).run('UPDATE t SET a = 1', ok(OUT)).write('1').run('ROLLBACK', ok(OUT))
    expect(connection.delivered).toEqual([])
  })

  it('commits what is open when another transaction begins', () => {
    connection.run('BEGIN', ok(IN)).write('1').run('BEGIN', ok(IN)).write('2').run('ROLLBACK', ok(OUT))
    expect(connection.delivered).toEqual(['1'])
  })

  it('drops a transaction that a deadlock has rolled back, and delivers later what then stands alone', () => {
    connection.run('START TRANSACTION', ok(IN)).write('1').fail('UPDATE t SET a = 1', { errno: 1213 })
    connection.queryRunner.isTransactionActive = true
    connection.run('UPDATE t SET a = 2', ok(OUT)).write('2').run('COMMIT', ok(OUT))
    expect(connection.delivered).toEqual(['2'])
  })

  it('keeps a transaction through a lock wait that timed out', () => {
    connection
      .run('START TRANSACTION', ok(IN))
      .write('1')
      .fail('UPDATE t SET a = 1', { errno: 1205 })
      .run('COMMIT', ok(OUT))
    expect(connection.delivered).toEqual(['1'])
  })

  it('holds writes while autocommit is off', () => {
    connection.run('SET autocommit = 0', ok(0)).run('UPDATE t SET a = 1', ok(1)).write('1').run('ROLLBACK', ok(0))
    connection.run('UPDATE t SET a = 1', ok(1)).write('2').run('COMMIT', ok(0))
    expect(connection.delivered).toEqual(['2'])
  })

  it('holds writes while autocommit is off, where the server does not say so with each of them', () => {
    connection
      .run('SET autocommit = 0', ok(0))
      .run('INSERT INTO t RETURNING id', [{ id: 1 }])
      .write('1')
      .run('ROLLBACK', ok(0))
    connection.write('2').fail('UPDATE t SET a = 1', { errno: 1213 }).write('3').run('CREATE TABLE u (a int)', ok(0))
    expect(connection.delivered).toEqual(['3'])
    connection.write('4').run('SET autocommit = 1', ok(OUT)).write('5').run('ROLLBACK', ok(OUT))
    expect(connection.delivered).toEqual(['3', '4', '5'])
  })

  it('follows XA transactions, whose status it cannot rely on', () => {
    connection.run("XA START 'x'", ok(IN)).write('1').run("XA END 'x'", ok(OUT)).run("XA PREPARE 'x'", ok(OUT))
    expect(connection.delivered).toEqual([])
    connection.run("XA COMMIT 'x'", ok(OUT))
    expect(connection.delivered).toEqual(['1'])
  })

  it('does not take a row of a table for an answer of the server', () => {
    connection
      .run('START TRANSACTION', ok(IN))
      .write('1')
      .run('SELECT 1', [{ serverStatus: 0, affectedRows: 1 }])
    connection.run('ROLLBACK', ok(OUT))
    expect(connection.delivered).toEqual([])
  })

  it('reports a COMMIT during which the connection was lost', () => {
    const lost = { code: 'PROTOCOL_CONNECTION_LOST', fatal: true, message: 'closed' }
    connection.run('BEGIN', ok(IN)).write('1').fail('COMMIT', lost)
    expect([...connection.reports.counts]).toEqual([['AUDIT_COMMIT_UNKNOWN', 1]])
  })
})

describe('SQLite', () => {
  beforeEach(() => {
    connection = new Connection('sqljs')
  })

  it('keeps the transaction open after a failing COMMIT, which may be tried again', () => {
    connection
      .run('BEGIN')
      .write('1')
      .fail('COMMIT', new Error('FOREIGN KEY constraint failed'))
      .write('2')
      .run('COMMIT')
    expect(connection.deliveries.map(({ ids }) => ids)).toEqual([['1', '2']])
  })

  it('drops a transaction that the database has ended by itself', () => {
    connection.run('BEGIN').write('1').fail('COMMIT', new Error('cannot commit - no transaction is active')).write('2')
    expect(connection.delivered).toEqual(['2'])
    connection.run('BEGIN').write('3').run('BEGIN').write('4').run('COMMIT')
    expect(connection.delivered).toEqual(['2', '4'])
  })

  it('takes a savepoint outside a transaction for the beginning of one, and its release for the COMMIT', () => {
    connection.run('SAVEPOINT a').write('1').run('SAVEPOINT b').write('2').run('ROLLBACK TO b').run('RELEASE b')
    expect(connection.delivered).toEqual([])
    connection.run('RELEASE a')
    expect(connection.delivered).toEqual(['1'])
  })

  it('runs only the first of several statements', () => {
    connection.run('BEGIN; COMMIT').write('1').run('ROLLBACK')
    expect(connection.delivered).toEqual([])
  })
})
