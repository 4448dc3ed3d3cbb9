import type { QueryRunner } from 'typeorm'
import type { Send, StructuredResult } from './builder'
import { sendOver, withConnection } from './sending'

/** What is used of pg, whose rows come one by one to whoever listens, and are then kept by nobody. */
interface Connection {
  query(query: object): unknown
  getTypeParser?(type: number, format: string): Reader
}

/** Makes the value of what the server sent of one, which is a text unless the client has asked for another format. */
export type Reader = (sent: string) => unknown

interface Result {
  rows: unknown[]
  readonly fields: readonly { readonly name: string; readonly dataTypeID: number; readonly format?: string }[]
}

interface PgQuery {
  on(event: 'row', listener: (row: unknown[], result: Result) => void): void
  callback: (error: unknown, result: Result) => void
  _accumulateRows?: boolean
}

interface QueryConfig {
  readonly text: string
  readonly values: unknown[]
  readonly rowMode: 'array'
  readonly types?: { getTypeParser(): Reader }
}

type QueryClass = new (config: QueryConfig) => PgQuery

/** Undefined with pg-native, which gives all rows at once. */
export function queryClassOf(driver: unknown): QueryClass | undefined {
  const { Query } = ((driver as { postgres?: unknown }).postgres ?? {}) as { Query?: unknown }
  const listens = typeof Query === 'function' && typeof (Query.prototype as { on?: unknown })?.on === 'function'
  return listens ? (Query as QueryClass) : undefined
}

/** A statement whose rows are handed on one by one, as arrays. */
export interface Streamed {
  readonly sql: string
  readonly parameters: unknown[]
  /** How many of the last columns are not TypeORM's own, and do not belong into its result. */
  readonly added: number
  /** Whether the added columns are handed on as they were sent, for `readers` to read them later. */
  readonly asSent: boolean
  /** @param at where the added columns begin. Must not throw: it runs inside pg's reading of the socket. */
  onRow(row: readonly unknown[], at: number, readers: readonly Reader[]): void
}

const itself: Reader = (sent) => sent
const AS_SENT = { getTypeParser: () => itself }

/** Runs it through the query runner's own `query()`, with the result that TypeORM would have had without the added columns. */
export function stream(
  queryRunner: QueryRunner,
  send: Send,
  Query: QueryClass,
  statement: Streamed,
): Promise<StructuredResult> {
  const { sql, parameters } = statement
  const over = (connection: object, text: unknown, values: unknown) =>
    submit(connection as Connection, Query, { text: text as string, values: values as unknown[] }, statement)
  return sendOver(queryRunner, { sql, over }, () => send(sql, parameters))
}

function submit(
  connection: Connection,
  Query: QueryClass,
  { text, values }: { text: string; values: unknown[] },
  { added, asSent, onRow }: Streamed,
): Promise<Result> {
  const unread = asSent && typeof connection.getTypeParser === 'function'
  const query = newQuery(Query, { text, values, unread })
  return new Promise((resolve, reject) => {
    const records: object[] = []
    let own: readonly string[] | undefined
    let readers: readonly Reader[] = []
    let failure: unknown
    query.on('row', (row, { fields }) => {
      query._accumulateRows = false
      if (own === undefined) {
        own = fields.slice(0, fields.length - added).map(({ name }) => name)
        readers = fields.map((field) => (unread ? readerOf(connection, field) : itself))
      }
      try {
        if (own.length > 0) {
          records.push(Object.fromEntries(own.map((name, index) => [name, readColumn(row, index, readers)])))
        }
      } catch (error) {
        // Of TypeORM's own columns: then pg, too, lets the statement fail when its end has come.
        failure ??= error
      }
      onRow(row, own.length, readers)
    })
    query.callback = (error, result) => {
      if (error || failure) {
        reject(error || failure)
        return
      }
      result.rows = records
      resolve(result)
    }
    connection.query(query)
  })
}

let next: { text: string; values: unknown[]; unread: boolean } = { text: '', values: [], unread: false }

/** Without members of its own: pg copies those one descriptor after the other, which takes longer than all the rest. */
const CONFIG = Object.create({
  rowMode: 'array',
  get text() {
    return next.text
  },
  get values() {
    return next.values
  },
  get types() {
    return next.unread ? AS_SENT : undefined
  },
}) as QueryConfig

function newQuery(Query: QueryClass, config: typeof next): PgQuery {
  next = config
  return new Query(CONFIG)
}

function readerOf(connection: Connection, { dataTypeID, format = 'text' }: Result['fields'][number]): Reader {
  return connection.getTypeParser?.(dataTypeID, format) ?? itself
}

/** The value of a column of a row that is handed on as it was sent. */
export function readColumn(row: readonly unknown[], index: number, readers: readonly Reader[]): unknown {
  const sent = row[index]
  return sent === null ? null : readers[index]?.(sent as string)
}

/** How pg reads the columns that this SELECT names, of which it returns no row. */
export async function readersOf(queryRunner: QueryRunner, send: Send, select: string): Promise<Reader[]> {
  let readers: Reader[] = []
  const wrap = (connection: unknown) => ({
    async query(text: string) {
      const result = (await (connection as Connection).query({ text, values: [] })) as Result
      readers = result.fields.map(({ dataTypeID }) => readerOf(connection as Connection, { name: '', dataTypeID }))
      return result
    },
  })
  await withConnection(queryRunner, wrap, () => send(select, []))
  return readers
}
