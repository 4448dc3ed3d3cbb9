import { AsyncResource } from 'node:async_hooks'
import type { DataSource, EntityMetadata, QueryRunner } from 'typeorm'
import type { CapturedEvent, Moment } from '../../recorder'
import type { Decoration, ObjectAction } from '../decoration'
import type { Draft } from '../draft'
import { modelOf } from '../instance'
import type { Selection } from '../selection'
import { familyOf } from '../typeorm'
import type { WriteBuilder } from './builder'
import { type Persisting, persisting, rowMark } from './persisting'
import { concreteOf, type Row, type RowChange, RowImage, sameRows } from './row'
import { CONTENT, linkDrafts, rowDraft, unreadRowsDraft, type WriteKind } from './row-drafts'
import type { RowSink, RowWrite } from './write'

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
  /** What the events of a statement have in common; undefined when each has to be made at once. */
  moment(): Moment | undefined
  /** The same event, made when the process has time: of rows that nobody else holds. */
  eventSoon(
    queryRunner: QueryRunner,
    moment: Moment,
    subject: { metadata: EntityMetadata; decoration: Decoration; action: ObjectAction },
    make: () => Draft | undefined,
  ): CapturedEvent
  /** Records events: at once, or with the COMMIT of the transaction that is open. */
  hold(queryRunner: QueryRunner, events: readonly CapturedEvent[]): void
  failed(part: string, error: unknown): void
  inTransaction(queryRunner: QueryRunner): boolean
  /** Throws what makes a write fail, when `strict` is set: before a statement that would commit by itself. */
  checkStrict(queryRunner: QueryRunner): void
  readonly strict: boolean
}

/** A write, and how its rows are had. */
export interface Statement {
  readonly builder: WriteBuilder
  readonly write: RowWrite
  readonly metadata: EntityMetadata
  readonly kind: WriteKind
}

/** Makes the events of one statement, row by row: of the rows themselves nothing is kept. */
export class Rows {
  readonly #parts: RowCaptureParts
  readonly #statement: Statement
  readonly #queryRunner: QueryRunner
  readonly #events: CapturedEvent[] = []
  /** Links are told of together. */
  readonly #links: RowChange[] = []
  readonly #persisting: Persisting | undefined
  /** `null` when there is none. */
  #moment: Moment | null | undefined

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
    if (decoration === undefined || isUnchanged(change)) return
    const make = () => {
      const draft = rowDraft(kind, change, { metadata: concrete, decoration, dataSource })
      return draft !== undefined && decoration.actions.includes(draft.action) ? draft : undefined
    }
    const subject = { metadata: concrete, decoration, action: actionOf(kind) }
    // What a soft delete says of itself stands where the context's own content does.
    if (this.#moment === undefined)
      this.#moment = (CONTENT[kind] === undefined ? this.#parts.moment() : undefined) ?? null
    if (this.#moment === null) this.#add(subject, make)
    else {
      const inContext = () => this.#context.runInAsyncScope(make)
      this.#events.push(this.#parts.eventSoon(this.#queryRunner, this.#moment, subject, inContext))
    }
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
    const upserts = this.#statement.builder.expressionMap.onUpdate !== undefined
    const decoration = unread === undefined ? undefined : selection.ofFamily(metadata)
    if (unread !== undefined && decoration !== undefined) {
      const draft = unreadRowsDraft(
        kind === 'insert' && upserts ? 'update' : kind,
        { metadata, decoration, dataSource },
        unread,
      )
      this.#add(draft, () => draft)
    }
    return this.#events
  }

  #add(subject: Parameters<RowCaptureParts['event']>[1], make: () => Draft | undefined): void {
    const event = this.#parts.event(this.#queryRunner, subject, make)
    if (event !== undefined) this.#events.push(event)
  }
}

function isUnchanged({ before, after }: RowChange): boolean {
  return before !== undefined && after !== undefined && sameRows(before, after)
}

function actionOf(kind: WriteKind): ObjectAction {
  if (kind === 'insert') return 'OBJ_CREATE'
  return kind === 'delete' || kind === 'soft-delete' ? 'OBJ_DELETE' : 'OBJ_UPDATE'
}
