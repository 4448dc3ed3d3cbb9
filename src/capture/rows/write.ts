import type { DataSource, EntityMetadata, QueryRunner } from 'typeorm'
import type { Send, StructuredResult, WriteBuilder } from './builder'
import type { Row, RowChange } from './row'
import type { WriteKind } from './row-drafts'

/** Told of each written row. No method throws. */
export interface RowSink {
  /** @param doubt what is not certain of it */
  take(before: Row | undefined, after: Row | undefined, doubt?: string): void
  /** The same of a row of which only what the driver received is there: it is read when the process has time. */
  takeSoon(row: SentRow): void
}

/** A row as it was received. */
export interface SentRow {
  read(): RowChange
  /** About how much memory it takes. */
  readonly size: number
}

/** About how much memory the values take. */
export function sizeOf(values: readonly unknown[] = []): number {
  let size = 0
  for (const value of values) {
    if (typeof value === 'string') size += value.length
    else if (value instanceof Uint8Array) size += value.byteLength
    // A document, or a list, of any size.
    else if (typeof value === 'object' && value !== null && !(value instanceof Date)) size += 1024
  }
  return size
}

/** Where a statement is run. */
export interface Place {
  readonly queryRunner: QueryRunner
  readonly send: Send
  /** Whether no transaction is open, and the write may commit its own. */
  readonly alone: boolean
}

export interface Ran {
  /** What TypeORM would have had without capture. */
  readonly result: StructuredResult
  /** Why nothing is known of some of the rows. */
  readonly unread?: string | undefined
}

/** For MariaDB: without it, a compound statement that fails would leave its transaction open. */
export const UNDO = 'DECLARE EXIT HANDLER FOR SQLEXCEPTION BEGIN ROLLBACK; RESIGNAL; END; '

/** How the rows of a write are had: from its own statement, or from a SELECT before it and one after it. */
export interface RowWrite {
  /** What TypeORM's builder gives as its statement. */
  statement(): [sql: string, parameters: unknown[]]
  /** Whether it is several statements, which someone else must make one transaction. */
  compound(place: Place): boolean
  run(place: Place, statement: readonly [sql: string, parameters: unknown[]], sink: RowSink): Promise<Ran>
  /** Whether subscribers tell of rows that cannot be read. */
  readonly told?: boolean
}

/** What every way of writing is given. */
export interface WriteParts {
  readonly builder: WriteBuilder
  readonly kind: WriteKind
  readonly metadata: EntityMetadata
  readonly dataSource: DataSource
  /** Whether an event of the table has a name, for which the whole row must be asked. */
  readonly named: boolean
}

export function kindOf({ expressionMap }: WriteBuilder): WriteKind | undefined {
  const { queryType } = expressionMap
  switch (queryType) {
    case 'insert':
    case 'update':
    case 'delete':
    case 'soft-delete':
    case 'restore':
      return queryType
    default:
      return undefined
  }
}
