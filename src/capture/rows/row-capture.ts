import { AsyncLocalStorage } from 'node:async_hooks'
import type { DataSource, EntityManager, EntityMetadata, QueryRunner } from 'typeorm'
import type { ObjectAction } from '../decoration'
import type { Draft } from '../draft'
import { Gaps } from '../gaps'
import { modelOf } from '../instance'
import type { Selection } from '../selection'
import { familyOf } from '../typeorm'
import { facadeOf, metadataOf, type WriteBuilder, withMethods } from './builder'
import type { Interception } from './install'
import { leftToSubscribers } from './left-to-subscribers'
import { type Persisting, persisting, rowMark } from './persisting'
import { Probe } from './probe'
import { concreteOf, type Row, type RowChange, RowImage } from './row'
import { linkDrafts, rowDraft, unreadRowsDraft, type WriteKind } from './row-drafts'
import { kindOf, type RowWrite, rowWriteOf, type Written } from './write'

/** What the rest of capture does for it. */
export interface RowCaptureParts {
  readonly dataSource: DataSource
  readonly selection: Selection
  /** Records the event of a write; `make` may throw. */
  record(queryRunner: QueryRunner, metadata: EntityMetadata, action: ObjectAction, make: () => Draft | undefined): void
  failed(part: string, error: unknown): void
  inTransaction(queryRunner: QueryRunner): boolean
  /** Throws what makes a write fail, when `strict` is set: before a statement that would commit by itself. */
  checkStrict(queryRunner: QueryRunner): void
  readonly strict: boolean
}

/** Captures the rows that TypeORM's statements write, as the database has them before and after. */
export class RowCapture implements Interception {
  readonly #parts: RowCaptureParts
  readonly #probe: Probe
  #last: Promise<void> = Promise.resolve()
  readonly #turn = new AsyncLocalStorage<boolean>()

  constructor(parts: RowCaptureParts) {
    this.#parts = parts
    this.#probe = new Probe(parts)
  }

  async execute(builder: WriteBuilder, original: () => Promise<unknown>): Promise<unknown> {
    const { dataSource, strict } = this.#parts
    const metadata = metadataOf(builder)
    const kind = kindOf(builder)
    if (metadata === undefined || kind === undefined || !this.#concerns(metadata)) return original()
    let write: RowWrite | undefined
    try {
      if (!strict && leftToSubscribers(builder, kind, dataSource)) return this.#inTurn(original)
      write = rowWriteOf(builder, kind, dataSource)
    } catch (error) {
      this.#parts.failed(modelOf(metadata), error)
    }
    if (write === undefined) return original()
    return this.#run(builder, original, { write, metadata, kind })
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
    this.#parts.record(queryRunner, metadata, 'OBJ_DELETE', () => draft)
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

  async #run(
    builder: WriteBuilder,
    original: () => Promise<unknown>,
    { write, metadata, kind }: { write: RowWrite; metadata: EntityMetadata; kind: WriteKind },
  ): Promise<unknown> {
    const own = builder.queryRunner === undefined
    const queryRunner = builder.obtainQueryRunner()
    if (!(await this.#probe.readable(queryRunner, metadata))) {
      if (own) await queryRunner.release()
      return this.#unreadable(queryRunner, original, metadata, kind)
    }
    let done = false
    const query = async (sql: string, parameters: unknown[] = [], structured = false): Promise<unknown> => {
      if (done || !structured) return queryRunner.query(sql, parameters, structured as true)
      done = true
      return this.#atomically(queryRunner, write.compound, async () => {
        this.#parts.checkStrict(queryRunner)
        const { result, changes } = await write.run(queryRunner, sql, parameters)
        this.#capture(queryRunner, kind, metadata, changes)
        this.#parts.checkStrict(queryRunner)
        return result
      })
    }
    const facade = facadeOf(queryRunner, query, own)
    try {
      return await withMethods(builder, { ...write.methods, obtainQueryRunner: () => facade }, original)
    } finally {
      // When the builder failed before it took the query runner.
      if (own && !queryRunner.isReleased) await queryRunner.release()
    }
  }

  /** The write goes its way, and its event says that its rows could not be read. */
  async #unreadable(
    queryRunner: QueryRunner,
    original: () => Promise<unknown>,
    metadata: EntityMetadata,
    kind: WriteKind,
  ) {
    const result = await original()
    const { affected } = (result ?? {}) as { affected?: number }
    const side = metadata.isJunction ? this.#parts.selection.ofJunction(metadata) : undefined
    const decoration = side?.decoration ?? this.#parts.selection.ofFamily(metadata)
    if (affected === 0 || decoration === undefined) return result
    const why = `${affected ?? 'an unknown number of'} rows were written, the database does not let them be read as the entity describes them`
    const subject = { metadata: side?.metadata ?? metadata, decoration, dataSource: this.#parts.dataSource }
    const as = side === undefined ? kind : 'update'
    this.#parts.record(queryRunner, subject.metadata, actionOf(as), () => unreadRowsDraft(as, subject, why))
    return result
  }

  /** One transaction around what was one statement. Raw, so that the application's subscribers hear of none. */
  async #atomically<T>(queryRunner: QueryRunner, compound: boolean, run: () => Promise<T>): Promise<T> {
    if (familyOf(this.#parts.dataSource) === 'sqlite') return this.#inTurn(run)
    const needed = (compound || this.#parts.strict) && !this.#parts.inTransaction(queryRunner)
    if (!needed) return run()
    await queryRunner.query('START TRANSACTION')
    let result: T
    try {
      result = await run()
    } catch (error) {
      await queryRunner.query('ROLLBACK').catch((problem: unknown) => this.#parts.failed('rollback', problem))
      throw error
    }
    await queryRunner.query('COMMIT')
    return result
  }

  /** SQLite has one connection for all: another write between reading a row and writing it would falsify the event. */
  async #inTurn<T>(run: () => Promise<T>): Promise<T> {
    // A subscriber to queries may write in its turn: it would wait for itself.
    if (familyOf(this.#parts.dataSource) !== 'sqlite' || this.#turn.getStore() === true) return run()
    const before = this.#last
    let done = (): void => undefined
    this.#last = new Promise((resolve) => {
      done = resolve
    })
    await before
    try {
      return await this.#turn.run(true, run)
    } finally {
      done()
    }
  }

  #concerns(metadata: EntityMetadata): boolean {
    const { selection } = this.#parts
    if (metadata.isJunction) return selection.ofJunction(metadata) !== undefined
    return selection.ofFamily(metadata) !== undefined
  }

  #mark(store: Persisting, metadata: EntityMetadata, { before, after }: RowChange): void {
    const row = before ?? after
    if (row === undefined) return
    try {
      store.handled.add(rowMark(metadata.tablePath, new RowImage(row, metadata, this.#parts.dataSource).pk))
    } catch (error) {
      this.#parts.failed(modelOf(metadata), error)
    }
  }

  #capture(queryRunner: QueryRunner, kind: WriteKind, metadata: EntityMetadata, { rows, unread }: Written): void {
    const { selection, dataSource, record } = this.#parts
    if (metadata.isJunction) {
      const side = selection.ofJunction(metadata)
      if (side === undefined || rows.length === 0 || !side.decoration.actions.includes('OBJ_UPDATE')) return
      for (const draft of linkDrafts(rows, metadata, side, dataSource)) {
        record(queryRunner, side.metadata, 'OBJ_UPDATE', () => draft)
      }
      return
    }
    const store = persisting()
    for (const change of rows) {
      const concrete = concreteOf(metadata, (change.before ?? change.after) as Row)
      const decoration = selection.of(concrete)
      if (store !== undefined && familyOf(dataSource) !== 'postgres') this.#mark(store, metadata, change)
      if (decoration === undefined) continue
      record(queryRunner, concrete, actionOf(kind), () => {
        const draft = rowDraft(kind, change, { metadata: concrete, decoration, dataSource })
        return draft !== undefined && decoration.actions.includes(draft.action) ? draft : undefined
      })
    }
    const decoration = unread === undefined ? undefined : selection.ofFamily(metadata)
    if (unread === undefined || decoration === undefined) return
    const action = kind === 'insert' ? 'update' : kind
    record(queryRunner, metadata, actionOf(action), () =>
      unreadRowsDraft(action, { metadata, decoration, dataSource }, unread),
    )
  }
}

function actionOf(kind: WriteKind): ObjectAction {
  if (kind === 'insert') return 'OBJ_CREATE'
  return kind === 'delete' || kind === 'soft-delete' ? 'OBJ_DELETE' : 'OBJ_UPDATE'
}
