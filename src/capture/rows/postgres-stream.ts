import type { QueryRunner } from 'typeorm'
import { type Send, type StructuredResult, withConnection } from './builder'

/** What is used of pg, whose rows come one by one to whoever listens, and are then kept by nobody. */
interface Connection {
  query(query: object): unknown
  getTypeParser?(type: number, format: 'text'): (text: string) => unknown
}

interface Result {
  rows: unknown[]
  readonly fields: readonly { readonly name: string; readonly dataTypeID: number }[]
}

interface PgQuery {
  on(event: 'row', listener: (row: unknown[], result: Result) => void): void
  callback: (error: unknown, result: Result) => void
  _accumulateRows?: boolean
}

type QueryClass = new (config: { text: string; values: unknown[]; rowMode: 'array' }) => PgQuery

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
  /** @param at where the added columns begin. Must not throw: it runs inside pg's reading of the socket. */
  onRow(row: readonly unknown[], at: number): void
}

/** Runs it through the query runner's own `query()`, with the result that TypeORM would have had without the added columns. */
export function stream(
  queryRunner: QueryRunner,
  send: Send,
  Query: QueryClass,
  statement: Streamed,
): Promise<StructuredResult> {
  const { sql, parameters } = statement
  const wrap = (connection: unknown) => ({
    query: (text: string, values: unknown[]) =>
      submit(connection as Connection, new Query({ text, values, rowMode: 'array' }), statement),
  })
  return withConnection(queryRunner as never, wrap, () => send(sql, parameters))
}

function submit(connection: Connection, query: PgQuery, { added, onRow }: Streamed): Promise<Result> {
  return new Promise((resolve, reject) => {
    const records: object[] = []
    let own: readonly string[] | undefined
    query.on('row', (row, { fields }) => {
      query._accumulateRows = false
      own ??= fields.slice(0, fields.length - added).map(({ name }) => name)
      if (own.length > 0) records.push(Object.fromEntries(own.map((name, index) => [name, row[index]])))
      onRow(row, own.length)
    })
    query.callback = (error, result) => {
      if (error) {
        reject(error)
        return
      }
      result.rows = records
      resolve(result)
    }
    connection.query(query)
  })
}

/** How pg reads the columns that this SELECT names, of which it returns no row. */
export async function parsersOf(
  queryRunner: QueryRunner,
  send: Send,
  select: string,
): Promise<((text: string) => unknown)[]> {
  let parsers: ((text: string) => unknown)[] = []
  const wrap = (connection: unknown) => ({
    async query(text: string) {
      const result = (await (connection as Connection).query({ text, values: [] })) as Result
      parsers = result.fields.map(
        ({ dataTypeID }) => (connection as Connection).getTypeParser?.(dataTypeID, 'text') ?? ((value) => value),
      )
      return result
    },
  })
  await withConnection(queryRunner as never, wrap, () => send(select, []))
  return parsers
}
