import type { DataSource, EntityMetadata, QueryRunner } from 'typeorm'
import { familyOf } from '../typeorm'
import { metadataOf, type StructuredQuery, type StructuredResult, type WriteBuilder } from './builder'
import { conflictKeys } from './conflict-keys'
import { restoreResult } from './restore-result'
import { columnNamesOf, type Row, type RowChange } from './row'
import type { WriteKind } from './row-drafts'
import { keyNames, returningRows, selectByValues, selectMatching, takeRows, updateWithBefore } from './statements'

/** How the rows of a write are had: from its own statement, or from a SELECT before it and one after it. */
export interface RowWrite {
  /** Put on the builder while it executes. */
  readonly methods: object
  /** Whether more than one statement is needed, which must be one transaction. */
  readonly compound: boolean
  run(
    queryRunner: QueryRunner,
    sql: string,
    parameters: unknown[],
  ): Promise<{ result: StructuredResult; changes: Written }>
}

/** What was written; `unread` says why that is not known of some rows. */
export interface Written {
  readonly rows: readonly RowChange[]
  readonly unread?: string | undefined
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

/** Undefined where the driver leaves no way to read the rows. */
export function rowWriteOf(builder: WriteBuilder, kind: WriteKind, dataSource: DataSource): RowWrite | undefined {
  const metadata = metadataOf(builder)
  if (metadata === undefined) return undefined
  const names = columnNamesOf(metadata)
  const family = familyOf(dataSource)
  if (kind === 'insert') {
    if (family === 'mysql' && !dataSource.driver.isReturningSqlSupported('insert')) return undefined
    const { onUpdate } = builder.expressionMap
    const more = family === 'sqlite' ? 'text' : family === 'postgres' && onUpdate !== undefined ? 'fresh' : undefined
    const methods = returningRows(builder, names, more)
    const returned = new ReturnedRows(builder, names, kind, dataSource)
    return onUpdate === undefined
      ? { methods, compound: false, run: returned.run }
      : upsert(methods, returned, metadata)
  }
  if (kind === 'delete') {
    const returns = family !== 'mysql' || dataSource.driver.isReturningSqlSupported('delete')
    if (!returns) return new ReadAround(builder, names, kind, dataSource)
    const methods = returningRows(builder, names, undefined)
    return { methods, compound: false, run: new ReturnedRows(builder, names, kind, dataSource).run }
  }
  if (family !== 'postgres') return new ReadAround(builder, names, kind, dataSource)
  return {
    methods: updateWithBefore(builder, names),
    compound: false,
    run: new ReturnedRows(builder, names, kind, dataSource).run,
  }
}

/** A statement that gives its rows itself. */
class ReturnedRows {
  readonly #kind: WriteKind
  constructor(
    readonly builder: WriteBuilder,
    readonly names: readonly string[],
    kind: WriteKind,
    readonly dataSource: DataSource,
  ) {
    this.#kind = kind
  }

  readonly run = async (queryRunner: QueryRunner, sql: string, parameters: unknown[]) => {
    const { result, taken } = await this.taken(queryRunner, sql, parameters)
    const rows = taken.map(
      ({ before, after }): RowChange =>
        this.#kind === 'delete' ? only('before', after) : { ...only('before', before), ...only('after', after) },
    )
    return { result, changes: { rows } }
  }

  async taken(queryRunner: QueryRunner, sql: string, parameters: unknown[]) {
    const result = await structured(queryRunner)(sql, parameters, true)
    const records = (Array.isArray(result.records) ? result.records : []) as Record<string, unknown>[]
    const taken = records.map((record) => takeRows(record, this.names))
    restoreResult(result, records, this.dataSource, {
      kind: this.#kind,
      builder: this.builder,
      rows: taken.map(({ after }) => after),
    })
    return { result, taken }
  }
}

/** Which rows were there already is looked up by the keys that may conflict. */
function upsert(methods: object, returned: ReturnedRows, metadata: EntityMetadata): RowWrite {
  const { builder, names, dataSource } = returned
  const lock = familyOf(dataSource) === 'postgres' ? ' FOR NO KEY UPDATE' : ''
  const keys = keyNames(builder)
  return {
    methods,
    compound: lock !== '',
    async run(queryRunner, sql, parameters) {
      const before = new Map<string, Row>()
      for (const { columns, rows } of conflictKeys(builder, metadata, dataSource)) {
        for (const [select, values] of selectByValues(builder, dataSource, { names, columns, rows, lock })) {
          for (const row of (await queryRunner.query(select, values)) as Row[]) before.set(keyText(row, keys), row)
        }
      }
      const { result, taken } = await returned.taken(queryRunner, sql, parameters)
      let unread = 0
      const rows = taken.flatMap(({ after, fresh }): RowChange[] => {
        const was = after && before.get(keyText(after, keys))
        // Another transaction inserted the row after it was looked for.
        if (was === undefined && fresh === false) unread += 1
        return was === undefined && fresh === false ? [] : [{ ...only('before', was), ...only('after', after) }]
      })
      const why = `${unread} rows were updated by an upsert: another transaction inserted them meanwhile, so their old values are not known`
      return { result, changes: { rows, unread: unread > 0 ? why : undefined } }
    },
  }
}

/** A statement of a driver that cannot give its rows: they are read before it, and again after it. */
class ReadAround implements RowWrite {
  readonly methods = {}
  readonly compound = true
  readonly run: RowWrite['run']

  constructor(builder: WriteBuilder, names: readonly string[], kind: WriteKind, dataSource: DataSource) {
    const lock = familyOf(dataSource) === 'mysql'
    this.run = async (queryRunner, sql, parameters) => {
      const [select, values] = selectMatching(builder, names, lock)
      const before = (await queryRunner.query(select, values)) as Row[]
      const result = await structured(queryRunner)(sql, parameters, true)
      if (kind === 'delete') return { result, changes: { rows: before.map((row) => ({ before: row })) } }
      const columns = keyNames(builder)
      const moved = kind === 'update' ? newKeyOf(builder, dataSource) : new Map<string, unknown>()
      const keyed = before.map((row) => columns.map((name) => (moved.has(name) ? moved.get(name) : row[name])))
      const after = new Map<string, Row>()
      for (const [again, keys] of selectByValues(builder, dataSource, { names, columns, rows: keyed, lock: '' })) {
        for (const row of (await queryRunner.query(again, keys)) as Row[]) after.set(keyText(row, columns), row)
      }
      const found = before.map((row, index) => {
        const [only] = before.length === 1 ? after.values() : []
        return { before: row, after: only ?? after.get(JSON.stringify((keyed[index] ?? []).map(String))) }
      })
      const rows = found.flatMap((one) => (one.after === undefined ? [] : [{ before: one.before, after: one.after }]))
      const lost = before.length - rows.length
      const unread = lost > 0 ? `${lost} rows were given another key: their new values are not known` : undefined
      return { result, changes: { rows, unread } }
    }
  }
}

/** What the statement makes of the primary key, if it sets it. */
function newKeyOf(builder: WriteBuilder, { driver }: DataSource): Map<string, unknown> {
  const values = builder.expressionMap.valuesSet
  const moved = new Map<string, unknown>()
  if (typeof values !== 'object' || values === null || Array.isArray(values)) return moved
  for (const column of metadataOf(builder)?.primaryColumns ?? []) {
    const value: unknown = column.getEntityValue(values)
    if (value !== undefined && typeof value !== 'function')
      moved.set(column.databaseName, driver.preparePersistentValue(value, column))
  }
  return moved
}

function structured(queryRunner: QueryRunner): StructuredQuery {
  return queryRunner.query.bind(queryRunner) as unknown as StructuredQuery
}

function keyText(row: Row, keys: readonly string[]): string {
  return JSON.stringify(keys.map((key) => String(row[key])))
}

function only<Side extends 'before' | 'after'>(side: Side, row: Row | undefined): { [key in Side]?: Row } {
  return row === undefined ? {} : ({ [side]: row } as { [key in Side]?: Row })
}
