import { AsyncResource } from 'node:async_hooks'
import type { DataSource, EntityMetadata, QueryRunner } from 'typeorm'
import type { CapturedEvent, Moment } from '../../recorder'
import type { Decoration, ObjectAction } from '../decoration'
import type { Draft } from '../draft'
import { modelOf } from '../instance'
import type { Selection } from '../selection'
import { familyOf } from '../typeorm'
import { overwritten, type WriteBuilder } from './builder'
import { rowMark, saving } from './persisting'
import type { Persisting } from './registry'
import { concreteOf, type Row, type RowChange, RowImage, sameRows } from './row'
import { CONTENT, linkDrafts, rowDraft, unreadRowsDraft, type WriteKind } from './row-drafts'
import { type RowSink, type RowWrite, type SentRow, sizeOf } from './write'

/** Whose event it is, and what to call it should it be impossible to make. */
export interface Subject {
  readonly metadata: EntityMetadata
  readonly decoration: Decoration
  readonly action: ObjectAction
}

type EventSoon = (row: SentRow, now: boolean) => CapturedEvent

/** What the rest of capture does for it. */
export interface RowCaptureParts {
  readonly dataSource: DataSource
  readonly selection: Selection
  /** The event of a write, not yet recorded; `make` may throw. */
  event(queryRunner: QueryRunner, subject: Subject, make: () => Draft | undefined): CapturedEvent | undefined
  /** What the events of a statement have in common; undefined when each has to be made at once. */
  moment(): Moment | undefined
  /** The same for events of rows that nobody else holds, each read when the process has time, or at once. */
  eventsSoon(
    queryRunner: QueryRunner,
    moment: Moment,
    subject: Subject,
    reading: {
      make: (row: SentRow) => Draft | undefined
      /** Runs the making of an event in the context of the write. */
      within: <T>(run: () => T) => T
    },
  ): EventSoon
  /** Records events: at once, or with the COMMIT of the transaction that is open. */
  hold(queryRunner: QueryRunner, events: readonly CapturedEvent[]): void
  /** How many wait for the COMMIT. */
  held(queryRunner: QueryRunner): number
  failed(part: string, error: unknown): void
  /** To be told of a statement that failed outside of a transaction. */
  statementFailed(error: object): void
  inTransaction(queryRunner: QueryRunner): boolean
  /** Whether a write may be put into a transaction: none is open, and none would release tables that are locked. */
  mayBegin(queryRunner: QueryRunner): boolean
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

/** So many rows of a statement are kept as they are until there is time to read them. */
const MOST_WAITING = 1_000
/** No row of so many bytes is. */
const HEAVY = 16 * 1024

/** Makes the events of one statement, row by row. */
export class Rows {
  readonly #parts: RowCaptureParts
  /** Not the builder, nor anything else of the statement: an event that waits for its COMMIT keeps this object alive. */
  readonly #statement: Pick<Statement, 'metadata' | 'kind'>
  readonly #upserts: boolean
  readonly #queryRunner: QueryRunner
  readonly #events: CapturedEvent[] = []
  /** Links are told of together. */
  readonly #links: RowChange[] = []
  readonly #persisting: Persisting | undefined
  /** Of a row that is not read yet; undefined of links. */
  readonly #subject: Subject | undefined
  /** Undefined when events cannot wait. */
  readonly #eventSoon: EventSoon | undefined
  /** Rows come in callbacks of the driver, which run in the context of whoever opened its connection. */
  readonly #context: AsyncResource | undefined
  /** Why rows that look as they did before may have been changed. */
  #unsure: string | undefined
  /** How many events of the transaction wait already. */
  readonly #held: number

  constructor(parts: RowCaptureParts, statement: Statement & { readonly runsCode: boolean }, queryRunner: QueryRunner) {
    const { metadata, kind, runsCode } = statement
    const { selection, dataSource } = parts
    this.#parts = parts
    this.#statement = { metadata, kind }
    this.#upserts = overwritten(statement.builder) !== undefined
    this.#queryRunner = queryRunner
    this.#held = parts.held(queryRunner)
    // Only of what a subscriber will be told about this very row: an update of a loaded entity by save(). A query builder
    // of the application, and an orphan that loses its parent, are told without one, and must not silence the other.
    const { callListeners, whereEntities } = statement.builder.expressionMap
    const told = !callListeners && whereEntities.length > 0 && familyOf(dataSource) !== 'postgres'
    this.#persisting = told ? saving() : undefined
    const decoration = metadata.isJunction ? undefined : selection.ofFamily(metadata)
    this.#subject = decoration && { metadata, decoration, action: actionOf(kind) }
    // What a soft delete says of itself stands where the context's own content does.
    const moment = decoration === undefined || CONTENT[kind] !== undefined ? undefined : parts.moment()
    if (runsCode || moment === undefined)
      this.#context = new AsyncResource('AuditedWrite', { requireManualDestroy: true })
    if (this.#subject === undefined || moment === undefined) return
    const make = (row: SentRow) => this.#draft(row.read())
    this.#eventSoon = parts.eventsSoon(queryRunner, moment, this.#subject, {
      make,
      within: (run) => this.#inContext(run),
    })
  }

  readonly sink: RowSink = {
    // Not AsyncLocalStorage.snapshot(), which takes as long as an INSERT.
    take: (before, after, doubt) => this.#inContext(() => this.#take({ before, after, doubt })),
    takeSoon: (row) => {
      if (this.#eventSoon === undefined) this.#inContext(() => this.#takeSent(row))
      else this.#addSoon(this.#eventSoon, row)
    },
  }

  #inContext<T>(run: () => T): T {
    return this.#context === undefined ? run() : this.#context.runInAsyncScope(run)
  }

  #take(change: RowChange): void {
    const { metadata, kind } = this.#statement
    try {
      if (metadata.isJunction) this.#links.push(change)
      else this.#row(change, metadata, kind)
    } catch (error) {
      this.#parts.failed(modelOf(metadata), error)
    }
  }

  /** The reading may fail: then the event says so. */
  #takeSent(row: SentRow): void {
    try {
      if (this.#subject === undefined) this.#links.push(row.read())
      else this.#add(this.#subject, () => this.#draft(row.read()))
    } catch (error) {
      this.#parts.failed(modelOf(this.#statement.metadata), error)
    }
  }

  #row(change: RowChange, metadata: EntityMetadata, kind: WriteKind): void {
    const concrete = concreteOf(metadata, (change.before ?? change.after) as Row)
    const decoration = this.#parts.selection.of(concrete)
    if (this.#persisting !== undefined) this.#mark(this.#persisting, metadata, change)
    if (decoration === undefined) return
    if (isUnchanged(change)) {
      this.#unsure ??= change.doubt
      return
    }
    if (this.#eventSoon !== undefined) {
      this.#addSoon(this.#eventSoon, { read: () => change, size: sizeOf(change.before) + sizeOf(change.after) })
      return
    }
    this.#add({ metadata: concrete, decoration, action: actionOf(kind) }, () => this.#draft(change))
  }

  #draft(change: RowChange): Draft | undefined {
    const { metadata, kind } = this.#statement
    const { selection, dataSource } = this.#parts
    const concrete = concreteOf(metadata, (change.before ?? change.after) as Row)
    const decoration = selection.of(concrete)
    if (decoration === undefined) return undefined
    const draft = rowDraft(kind, change, { metadata: concrete, decoration, dataSource })
    return draft !== undefined && decoration.actions.includes(draft.action) ? draft : undefined
  }

  #addSoon(eventSoon: EventSoon, row: SentRow): void {
    // What takes much memory waits for its COMMIT as the line of an event, which has only what was changed.
    const waiting = this.#events.length + this.#held
    const now = waiting >= MOST_WAITING || row.size > HEAVY
    this.#events.push(eventSoon(row, now))
  }

  #mark(store: Persisting, metadata: EntityMetadata, { before, after }: RowChange): void {
    const { pk } = new RowImage((before ?? after) as Row, metadata, this.#parts.dataSource)
    store.handled.add(rowMark(metadata.tablePath, pk))
  }

  events(unread = this.#unsure): readonly CapturedEvent[] {
    const { selection, dataSource } = this.#parts
    const { metadata, kind } = this.#statement
    const side = this.#links.length > 0 ? selection.ofJunction(metadata) : undefined
    if (side?.decoration.actions.includes('OBJ_UPDATE')) {
      for (const draft of linkDrafts(this.#links, metadata, side, dataSource)) this.#add(draft, () => draft)
    }
    const decoration = unread === undefined ? undefined : selection.ofFamily(metadata)
    if (unread !== undefined && decoration !== undefined) {
      const draft = unreadRowsDraft(
        kind === 'insert' && this.#upserts ? 'update' : kind,
        { metadata, decoration, dataSource },
        unread,
      )
      this.#add(draft, () => draft)
    }
    return this.#events
  }

  #add(subject: Subject, make: () => Draft | undefined): void {
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
