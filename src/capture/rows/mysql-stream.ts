import type { QueryRunner } from 'typeorm'
import type { Send, StructuredResult } from './builder'
import { withConnection } from './sending'

type Records = Record<string, unknown>[]

/** What is used of mysql2 and mysql: without a callback, a query hands its rows on one by one and keeps none. */
interface Connection {
  query(payload: unknown, parameters: unknown): Query
  on(event: 'error', listener: Listener): unknown
  off(event: 'error', listener: Listener): unknown
}

type Listener = (error: unknown) => void

interface Query {
  on(event: 'result', listener: (row: Record<string, unknown>) => void): Query
  on(event: 'error', listener: (error: unknown) => void): Query
  on(event: 'end', listener: () => void): Query
}

/**
 * Runs a statement through the query runner's own `query()`, handing its rows on one by one.
 *
 * @param onRow takes what is not TypeORM's out of the record. What is left, if anything is, is the result
 */
export function streamRecords(
  queryRunner: QueryRunner,
  send: Send,
  [sql, parameters]: readonly [string, unknown[]],
  onRow: (record: Record<string, unknown>) => void,
): Promise<StructuredResult> {
  const wrap = (connection: unknown) => {
    const run = (payload: unknown, values: unknown) => rowsOf(connection as Connection, [payload, values], onRow)
    return {
      // 1.x
      promise: () => ({ query: async (payload: unknown, values: unknown) => [await run(payload, values)] }),
      // 0.3
      query: (payload: unknown, values: unknown, done: (error: unknown, raw?: Records) => void) =>
        void run(payload, values).then((raw) => done(null, raw), done),
    }
  }
  return withConnection(queryRunner, wrap, () => send(sql, parameters))
}

function rowsOf(
  connection: Connection,
  [payload, values]: readonly [unknown, unknown],
  onRow: (record: Record<string, unknown>) => void,
): Promise<Records> {
  let forget = (): void => undefined
  const rows = new Promise<Records>((resolve, reject) => {
    // A query without a callback is not told of a connection that is lost: mysql2 tells the connection's listeners only.
    forget = whenLost(connection, reject)
    const query = connection.query(payload, values)
    const left: Records = []
    query.on('result', (record) => {
      onRow(record)
      for (const _ in record) {
        left.push(record)
        break
      }
    })
    query.on('error', reject)
    query.on('end', () => resolve(left))
  })
  return rows.finally(() => forget())
}

/** Those that wait for an answer of a connection, on which only one of them listens: many may be sent at once. */
const waiting = new WeakMap<Connection, { all: Set<Listener>; tell: Listener }>()

/** @returns undoes it */
function whenLost(connection: Connection, listener: Listener): () => void {
  const { all, tell } = waiting.get(connection) ?? listenTo(connection)
  all.add(listener)
  return () => {
    all.delete(listener)
    if (all.size > 0) return
    connection.off('error', tell)
    waiting.delete(connection)
  }
}

function listenTo(connection: Connection): { all: Set<Listener>; tell: Listener } {
  const all = new Set<Listener>()
  const tell = (error: unknown) => {
    for (const one of all) one(error)
  }
  connection.on('error', tell)
  waiting.set(connection, { all, tell })
  return { all, tell }
}
