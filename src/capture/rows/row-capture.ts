import { AsyncResource } from 'node:async_hooks'
import type { DataSource, EntityManager, EntityMetadata, QueryRunner } from 'typeorm'
import type { CapturedEvent } from '../../recorder'
import type { Decoration, ObjectAction } from '../decoration'
import type { Draft } from '../draft'
import { Gaps } from '../gaps'
import { modelOf } from '../instance'
import { hasName } from '../name'
import type { Selection } from '../selection'
import { familyOf } from '../typeorm'
import { metadataOf, type Send, type StructuredResult, type WriteBuilder } from './builder'
import { expectQuery, type Interception } from './install'
import { leftToSubscribers } from './left-to-subscribers'
import { type Persisting, persisting, rowMark } from './persisting'
import { Readability } from './readability'
import { concreteOf, type Row, type RowChange, RowImage, rootOf } from './row'
import { linkDrafts, rowDraft, unreadRowsDraft, type WriteKind } from './row-drafts'
import { Transactions } from './transactions'
import { kindOf, type Place, type RowSink, type RowWrite } from './write'
import { rowWriteOf } from './write-of'

/** What the rest of capture does for it. */
export interface RowCaptureParts {
  readonly dataSource: DataSource
  readonly selection: Selection
  /** The event of a write, not yet recorded; `make` may throw. */
  event(
    queryRunner: QueryRunner,
    subject: { metadata: EntityMetadata; decoration: Decoration; action: ObjectAction },
    make: () => Draft | undefined,
  ): CapturedEvent | undefined
  /** Records events: at once, or with the COMMIT of the transaction that is open. */
  hold(queryRunner: QueryRunner, events: readonly CapturedEvent[]): void
  failed(part: string, error: unknown): void
  inTransaction(queryRunner: QueryRunner): boolean
  /** Throws what makes a write fail, when `strict` is set: before a statement that would commit by itself. */
  checkStrict(queryRunner: QueryRunner): void
  readonly strict: boolean
}

interface Statement {
  readonly builder: WriteBuilder
  readonly write: RowWrite
  readonly metadata: EntityMetadata
  readonly kind: WriteKind
}

/** Captures the rows that TypeORM's statements write, as the database has them before and after. */
export class RowCapture implements Interception {
  readonly #parts: RowCaptureParts
  readonly #readability: Readability
  readonly #transactions: Transactions
  readonly #named = new WeakMap<EntityMetadata, boolean>()

  constructor(parts: RowCaptureParts) {
    this.#parts = parts
    this.#readability = new Readability(parts)
    this.#transactions = new Transactions(parts)
  }

  execute(builder: WriteBuilder, original: () => Promise<unknown>): Promise<unknown> {
    const { dataSource, strict } = this.#parts
    const metadata = metadataOf(builder)
    const kind = kindOf(builder)
    if (metadata === undefined || kind === undefined || !this.#concerns(metadata)) return original()
    let write: RowWrite | undefined
    try {
      if (!strict && leftToSubscribers(builder, kind, dataSource)) return this.#transactions.inTurn(original)
      write = rowWriteOf({ builder, kind, metadata, dataSource, named: this.#isNamed(metadata) })
    } catch (error) {
      this.#parts.failed(modelOf(metadata), error)
    }
    return write === undefined ? original() : this.#run({ builder, write, metadata, kind }, original)
  }

  /** TRUNCATE tells nothing, so the rows are counted before. */
  async clear(manager: EntityManager, target: unknown, original: () => Promise<unknown>): Promise<unknown> {
    const { dataSource, selection } = this.#parts
    const metadata = dataSource.getMetadata(target as never)
    const decoration = selection.ofFamily(metadata)
    if (decoration === undefined || !decoration.actions.includes('OBJ_DELETE')) return original()
    const queryRunner = manager.queryRunner ?? dataSource.createQueryRunner('master')
    this.#parts.checkStrict(queryRunner)
    const rows = await this.#count(queryRunner, metadata)
    // Given back before TypeORM takes one: a pool of one connection must not wait for itself.
    if (queryRunner !== manager.queryRunner) await queryRunner.release()
    const result = await original()
    if (rows === 0) return result
    const gaps = new Gaps()
    if (rows === undefined) gaps.note('the table was cleared, and its rows could not be counted')
    const content = { cleared: true, ...(rows !== undefined && { rows }) }
    const changed = { changes: new Map(), gaps }
    const draft: Draft = { action: 'OBJ_DELETE', metadata, decoration, changed, content }
    this.#record(queryRunner, draft)
    return result
  }

  async #count(queryRunner: QueryRunner, metadata: EntityMetadata): Promise<number | undefined> {
    try {
      const path = metadata.tablePath.split('.').map((part) => this.#parts.dataSource.driver.escape(part))
      const [row] = (await queryRunner.query(`SELECT COUNT(*) AS n FROM ${path.join('.')}`)) as { n: unknown }[]
      return Number(row?.n)
    } catch (error) {
      this.#parts.failed(modelOf(metadata), error)
      return undefined
    }
  }

  async #run(statement: Statement, original: () => Promise<unknown>): Promise<unknown> {
    const { builder, write, metadata } = statement
    if (!(await this.#readability.mayRead(builder, metadata))) return this.#unreadable(statement, original)
    let missed = false
    builder.getQueryAndParameters = () => {
      Reflect.deleteProperty(builder, 'getQueryAndParameters')
      let made: [string, unknown[]]
      try {
        made = write.statement()
      } catch (error) {
        // If the mistake is the application's, TypeORM makes its own of it.
        const plain = builder.getQueryAndParameters()
        this.#parts.failed(modelOf(metadata), error)
        missed = true
        return plain
      }
      missed = true
      expectQuery(made[1], (queryRunner, send, sql, parameters) => {
        missed = false
        return this.#replace(statement, { queryRunner, send }, [sql, parameters])
      })
      return made
    }
    try {
      const result = await original()
      if (missed) this.#unread(statement, builder.queryRunner, (result as { affected?: number }).affected)
      return result
    } finally {
      Reflect.deleteProperty(builder, 'getQueryAndParameters')
    }
  }

  async #replace(
    statement: Statement,
    { queryRunner, send }: { queryRunner: QueryRunner; send: Send },
    [sql, parameters]: [string, unknown[]],
  ): Promise<StructuredResult> {
    const { builder, write, metadata } = statement
    const place: Place = { queryRunner, send, alone: !this.#parts.strict && !this.#parts.inTransaction(queryRunner) }
    try {
      const result = await this.#transactions.atomically(queryRunner, write.compound(place), async () => {
        this.#parts.checkStrict(queryRunner)
        const rows = new Rows(this.#parts, statement, queryRunner)
        const ran = await write.run(place, [sql, parameters], rows.sink)
        this.#parts.hold(queryRunner, rows.events(ran.unread))
        this.#parts.checkStrict(queryRunner)
        return ran.result
      })
      this.#readability.wasRead(metadata)
      return result
    } catch (error) {
      if (!this.#readability.isRefusal(error, metadata) || !this.#readability.mayRepeat(queryRunner)) throw error
      const result = await send(...builder.getQueryAndParameters())
      this.#unread(statement, queryRunner, result.affected)
      return result
    }
  }

  /** The write goes its way, and its event says that its rows could not be read. */
  async #unreadable(statement: Statement, original: () => Promise<unknown>): Promise<unknown> {
    const result = await original()
    this.#unread(statement, statement.builder.queryRunner, (result as { affected?: number } | undefined)?.affected)
    return result
  }

  #unread({ metadata, kind }: Statement, queryRunner: QueryRunner | undefined, affected: number | undefined): void {
    const { selection, dataSource } = this.#parts
    const side = metadata.isJunction ? selection.ofJunction(metadata) : undefined
    const decoration = side?.decoration ?? selection.ofFamily(metadata)
    if (affected === 0 || decoration === undefined) return
    const why = `${affected ?? 'an unknown number of'} rows were written, the database does not let them be read as the entity describes them`
    const subject = { metadata: side?.metadata ?? metadata, decoration, dataSource }
    const draft = unreadRowsDraft(side === undefined ? kind : 'update', subject, why)
    // Without one of its own, a builder's query runner had no transaction either.
    this.#record(queryRunner ?? dataSource.createQueryRunner('master'), draft)
  }

  #record(queryRunner: QueryRunner, draft: Draft): void {
    const event = this.#parts.event(queryRunner, draft, () => draft)
    if (event !== undefined) this.#parts.hold(queryRunner, [event])
  }

  #concerns(metadata: EntityMetadata): boolean {
    const { selection } = this.#parts
    if (metadata.isJunction) return selection.ofJunction(metadata) !== undefined
    return selection.ofFamily(metadata) !== undefined
  }

  /** Whether any class of the table has something to call its rows by. */
  #isNamed(metadata: EntityMetadata): boolean {
    const root = rootOf(metadata)
    const known = this.#named.get(root)
    if (known !== undefined) return known
    const { selection } = this.#parts
    const named = [root, ...root.childEntityMetadatas].some((one) => {
      const decoration = selection.of(one)
      return decoration !== undefined && hasName(one, decoration)
    })
    this.#named.set(root, named)
    return named
  }
}

/** Makes the events of one statement, row by row: of the rows themselves nothing is kept. */
class Rows {
  readonly #parts: RowCaptureParts
  readonly #statement: Statement
  readonly #queryRunner: QueryRunner
  readonly #events: CapturedEvent[] = []
  /** Links are told of together. */
  readonly #links: RowChange[] = []
  readonly #persisting: Persisting | undefined

  constructor(parts: RowCaptureParts, statement: Statement, queryRunner: QueryRunner) {
    this.#parts = parts
    this.#statement = statement
    this.#queryRunner = queryRunner
    this.#persisting = familyOf(parts.dataSource) === 'postgres' ? undefined : persisting()
  }

  /** Rows come in callbacks of the driver, which run in the context of whoever opened its connection. */
  readonly #context = new AsyncResource('AuditedWrite', { requireManualDestroy: true })

  readonly sink: RowSink = (before, after, doubt) =>
    // Not AsyncLocalStorage.snapshot(), which takes as long as an INSERT.
    this.#context.runInAsyncScope(this.#take, undefined, before, after, doubt)

  readonly #take: RowSink = (before, after, doubt) => {
    const { metadata, kind } = this.#statement
    try {
      if (metadata.isJunction) this.#links.push({ before, after })
      else this.#row({ before, after, doubt }, metadata, kind)
    } catch (error) {
      this.#parts.failed(modelOf(metadata), error)
    }
  }

  #row(change: RowChange, metadata: EntityMetadata, kind: WriteKind): void {
    const { selection, dataSource } = this.#parts
    const concrete = concreteOf(metadata, (change.before ?? change.after) as Row)
    const decoration = selection.of(concrete)
    if (this.#persisting !== undefined) this.#mark(this.#persisting, metadata, change)
    if (decoration === undefined) return
    this.#add({ metadata: concrete, decoration, action: actionOf(kind) }, () => {
      const draft = rowDraft(kind, change, { metadata: concrete, decoration, dataSource })
      return draft !== undefined && decoration.actions.includes(draft.action) ? draft : undefined
    })
  }

  #mark(store: Persisting, metadata: EntityMetadata, { before, after }: RowChange): void {
    const { pk } = new RowImage((before ?? after) as Row, metadata, this.#parts.dataSource)
    store.handled.add(rowMark(metadata.tablePath, pk))
  }

  events(unread: string | undefined): readonly CapturedEvent[] {
    const { selection, dataSource } = this.#parts
    const { metadata, kind } = this.#statement
    const side = this.#links.length > 0 ? selection.ofJunction(metadata) : undefined
    if (side?.decoration.actions.includes('OBJ_UPDATE')) {
      for (const draft of linkDrafts(this.#links, metadata, side, dataSource)) this.#add(draft, () => draft)
    }
    const decoration = unread === undefined ? undefined : selection.ofFamily(metadata)
    if (unread !== undefined && decoration !== undefined) {
      const draft = unreadRowsDraft(kind === 'insert' ? 'update' : kind, { metadata, decoration, dataSource }, unread)
      this.#add(draft, () => draft)
    }
    return this.#events
  }

  #add(subject: Parameters<RowCaptureParts['event']>[1], make: () => Draft | undefined): void {
    const event = this.#parts.event(this.#queryRunner, subject, make)
    if (event !== undefined) this.#events.push(event)
  }
}

function actionOf(kind: WriteKind): ObjectAction {
  if (kind === 'insert') return 'OBJ_CREATE'
  return kind === 'delete' || kind === 'soft-delete' ? 'OBJ_DELETE' : 'OBJ_UPDATE'
}
