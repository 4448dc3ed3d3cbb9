import type { EntityMetadata, QueryRunner } from 'typeorm'
import type { QueryResultEvent } from './frames'
import { type InsertStatement, parseInsert } from './insert-statement'
import { dataSourceOf, escaped, rowsWritten, type SubscriberEvent } from './typeorm'

export type Verb = 'INSERT' | 'UPDATE' | 'DELETE'

/** What the statements of one kind on one table did, since the last time that TypeORM told of such a write. */
export interface WriteResult {
  /** Whether no other hook has asked for it before. */
  readonly first: boolean
  /** Undefined when the driver does not say, or when several statements cannot be told apart. */
  readonly rows: number | undefined
  /** The statements' text, each once: they name the columns that were written. */
  readonly statements: ReadonlySet<string>
}

interface Entry {
  rows: number | undefined
  statements: Set<string>
  claimed: boolean
}

const WRITE =
  /^(?:\s+|\/\*[\s\S]*?\*\/)*(INSERT(?:\s+(?:OR\s+)?IGNORE)?\s+INTO|UPDATE(?:\s+IGNORE)?|DELETE\s+FROM)\s+([^\s(]+)/i
/** Of an entity that is not logged nobody asks, so what is remembered must have a bound. */
const MOST_STATEMENTS = 32
const NOTHING: WriteResult = { first: true, rows: undefined, statements: new Set() }

/**
 * Remembers, for each query runner, what its last writes to a table did: TypeORM's hooks tell neither how many rows
 * matched, nor which columns were written for a child that is saved through its parent.
 */
export class WriteResults {
  readonly #results = new WeakMap<QueryRunner, Map<string, Entry>>()

  /** To be told of every query. */
  observe(event: QueryResultEvent): void {
    const { query, queryRunner } = event
    if (!event.success || !mayWrite(query)) return
    const results = this.#results.get(queryRunner)
    const write = WRITE.exec(query)
    if (write === null) {
      // A write in another form, such as one behind a WITH: what is known may be outdated by it.
      results?.clear()
      return
    }
    const dataSource = dataSourceOf(event)
    const rows = dataSource === undefined ? undefined : rowsWritten(dataSource, event.rawResults)
    const key = `${write[1]?.slice(0, 6).toUpperCase()} ${write[2]}`
    const entry = results?.get(key)
    if (entry === undefined || entry.claimed) {
      const entries = results ?? new Map<string, Entry>()
      entries.set(key, { rows, statements: new Set([query]), claimed: false })
      if (results === undefined) this.#results.set(queryRunner, entries)
      return
    }
    // Two writes before TypeORM told of the first: whose rows are whose is not known.
    entry.rows = undefined
    if (entry.statements.size < MOST_STATEMENTS) entry.statements.add(query)
  }

  /** The result of the write that TypeORM tells of now. Several hooks may ask for the same one. */
  claim(event: SubscriberEvent & { readonly metadata: EntityMetadata }, verb: Verb): WriteResult {
    const entry = this.#results.get(event.queryRunner)?.get(`${verb} ${escaped(event, event.metadata.tablePath)}`)
    if (entry === undefined) return NOTHING
    const first = !entry.claimed
    entry.claimed = true
    return { first, rows: entry.rows, statements: entry.statements }
  }
}

function mayWrite(query: string): boolean {
  switch (query.charCodeAt(0) | 0x20) {
    case 0x69: // insert
    case 0x75: // update
    case 0x64: // delete
    case 0x77: // with
    case 0x2f: // a comment
    case 0x20: // a blank
      return true
    default:
      return false
  }
}

/** Whether the statement sets the column. */
export function setsColumn({ statements }: WriteResult, escapedColumn: string): boolean {
  for (const statement of statements) {
    const end = statement.lastIndexOf(' WHERE ')
    if ((end === -1 ? statement : statement.slice(0, end)).includes(`${escapedColumn} = `)) return true
  }
  return false
}

/** Whether an upsert puts the given value into a row that was there already. */
export function overwritesColumn({ statements }: WriteResult, escapedColumn: string): boolean {
  const [statement = ''] = statements
  const either = [`${escapedColumn} = EXCLUDED.${escapedColumn}`, `${escapedColumn} = VALUES(${escapedColumn})`]
  return statements.size === 1 && either.some((text) => statement.includes(text))
}

/** Whether every statement left the column to its default; undefined when that cannot be read from them. */
export function leavesDefault(result: WriteResult, escapedColumn: string): boolean | undefined {
  const { inserts } = readInserts(result)
  if (inserts === undefined) return undefined
  for (const { columns, rows } of inserts) {
    const index = columns.indexOf(escapedColumn)
    if (index === -1) return undefined
    if (rows.some((row) => row[index] !== 'DEFAULT' && row[index] !== 'NULL')) return false
  }
  return true
}

/** Whether it was one statement for one row, as far as that can be read from it. */
export function isSingleRow(result: WriteResult): boolean {
  const { inserts } = readInserts(result)
  return inserts?.length === 1 && inserts[0]?.rows.length === 1
}

/** An INSERT that may not have inserted, or may have updated instead. */
export type InsertMode = 'insert' | 'ignore' | 'upsert'

export function insertMode(result: WriteResult): InsertMode {
  return readInserts(result).mode
}

interface Inserts {
  /** Undefined when one of them cannot be read. */
  readonly inserts: readonly InsertStatement[] | undefined
  readonly mode: InsertMode
}

/** Read once: TypeORM tells of a statement with a thousand rows a thousand times. */
const read = new WeakMap<ReadonlySet<string>, Inserts>()

function readInserts({ statements }: WriteResult): Inserts {
  const known = read.get(statements)
  if (known !== undefined) return known
  const parsed = [...statements].map((statement) => parseInsert(statement))
  const inserts = parsed.flatMap((insert) => insert ?? [])
  const whole = inserts.length === parsed.length && parsed.length > 0 && parsed.length < MOST_STATEMENTS
  const result = { inserts: whole ? inserts : undefined, mode: modeOf([...statements]) }
  read.set(statements, result)
  return result
}

function modeOf(statements: readonly string[]): InsertMode {
  const some = (pattern: RegExp) => statements.some((statement) => pattern.test(statement))
  if (some(/\bDO UPDATE SET\b|\bON DUPLICATE KEY UPDATE\b/i)) return 'upsert'
  return some(/^\s*INSERT\s+(?:OR\s+)?IGNORE\b|\bDO NOTHING\b/i) ? 'ignore' : 'insert'
}
