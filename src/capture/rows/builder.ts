import type { DataSource, EntityMetadata, QueryRunner } from 'typeorm'

/**
 * What is used of TypeORM's write builders (insert, update, delete, soft delete) beyond their documented interface, of
 * 0.3.31 and 1.x alike. test/integration/typeorm-internals.test.ts fails by name when a version changes any of it.
 */
export interface WriteBuilder {
  readonly dataSource?: DataSource
  /** What 0.3 calls the data source. */
  readonly connection?: DataSource
  readonly queryRunner?: QueryRunner
  readonly expressionMap: ExpressionMap
  execute(): Promise<unknown>
  getQuery(): string
  getQueryAndParameters(): [string, unknown[]]
  createComment(): string
  createCteExpression(): string
  createWhereExpression(): string
  createParameter(value: unknown): string
  createReturningExpression(type: string): string
  createUpdateExpression?(): string
  createOrderByExpression?(): string
  createLimitExpression?(): string
  getTableName(path: string): string
  getMainTableName(): string
  escape(name: string): string
  replacePropertyNamesForTheWholeQuery(statement: string): string
}

export interface ExpressionMap {
  readonly queryType: string
  readonly mainAlias?: { readonly name?: string; readonly hasMetadata: boolean; readonly metadata: EntityMetadata }
  readonly valuesSet?: unknown
  /** Of an INSERT … SELECT. */
  readonly insertFromSelect?: unknown
  /** The properties that an INSERT is given; none for all. */
  readonly insertColumns?: readonly string[]
  /** Of an INSERT, by the number of the row: keys that TypeORM makes itself. */
  readonly locallyGenerated?: Readonly<Record<number, object>>
  readonly wheres: readonly unknown[]
  readonly whereEntities: readonly unknown[]
  readonly callListeners: boolean
  readonly updateEntity: boolean
  readonly onIgnore?: unknown
  /** What 0.3 has for the text of an ON CONFLICT. */
  readonly onConflict?: string
  readonly onUpdate?: {
    readonly conflict?: string | readonly string[]
    readonly overwrite?: readonly string[]
    readonly columns?: readonly string[]
    readonly indexPredicate?: string
  }
}

/** What a query runner answers when it is asked for a structured result. */
export interface StructuredResult {
  raw: unknown
  records: unknown
  affected?: number | undefined
}

/** A query runner's own `query(…, true)`; 0.3 and 1.x declare it differently. */
export type Send = (sql: string, parameters: unknown[]) => Promise<StructuredResult>

/** The methods of builders that are replaced on one builder, for a moment. */
type Override = Partial<
  Pick<WriteBuilder, 'getQuery' | 'createWhereExpression' | 'createReturningExpression' | 'getQueryAndParameters'>
>

/** Runs with methods of one builder replaced; the prototype's are back afterwards. */
export function withMethods<T>(builder: WriteBuilder, methods: Override, run: () => T): T {
  Object.assign(builder, methods)
  try {
    return run()
  } finally {
    // The last one first: V8 makes a slow dictionary of an object that loses another property than its last.
    for (const name of Object.keys(methods).reverse()) Reflect.deleteProperty(builder, name)
  }
}

/**
 * Has the builder's next statement made otherwise: once, because `make` may ask it for its own.
 *
 * @returns undoes it, if it has not been asked for
 */
export function replaceOnce(builder: WriteBuilder, make: () => [string, unknown[]]): () => void {
  // The same builder may be executed again before it has asked for the first statement.
  const waiting = Object.hasOwn(builder, NEXT) ? builder[NEXT] : undefined
  const undo = () => {
    if (waiting === undefined) Reflect.deleteProperty(builder, NEXT)
    else builder[NEXT] = waiting
  }
  const once = () => {
    Reflect.deleteProperty(builder, NEXT)
    try {
      return make()
    } finally {
      if (waiting !== undefined) undo()
    }
  }
  builder[NEXT] = once
  return () => {
    if (builder[NEXT] === once) undo()
  }
}

const NEXT = 'getQueryAndParameters'

export function metadataOf(builder: WriteBuilder): EntityMetadata | undefined {
  const { mainAlias } = builder.expressionMap
  return mainAlias?.hasMetadata ? mainAlias.metadata : undefined
}

/** The columns that an INSERT writes into a row that is there already; undefined where it leaves such a row alone. */
export function overwritten({ expressionMap }: WriteBuilder): readonly string[] | undefined {
  const { onIgnore, onConflict = '', onUpdate } = expressionMap
  if (onIgnore) return undefined
  const update = onConflict.search(/\bdo\s+update\b/i)
  // All words of the text, of which some are columns.
  if (onConflict !== '') return update === -1 ? undefined : (onConflict.slice(update).match(/[^\s"=,]+/g) ?? [])
  const columns = onUpdate?.overwrite ?? onUpdate?.columns ?? []
  return columns.length > 0 ? columns : undefined
}

/** The values of each row that an INSERT is given; none of an INSERT … SELECT. */
export function givenTo({ expressionMap }: WriteBuilder): object[] {
  if (expressionMap.insertFromSelect !== undefined) return []
  return [expressionMap.valuesSet]
    .flat()
    .filter((values): values is object => typeof values === 'object' && values !== null)
}

export function sourceOf(builder: WriteBuilder): DataSource | undefined {
  return builder.dataSource ?? builder.connection
}
