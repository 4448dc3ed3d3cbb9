import type { DataSource, EntityMetadata, QueryRunner } from 'typeorm'
import { AuditError } from '../../config/errors'
import type { Settings } from '../../config/settings'
import type { CapturedEvent, Observation, Recorder } from '../recorder'
import { problemOf, Reports } from '../report'
import { suspended } from '../switches/suspension'
import type { ObjectAction } from './decoration'
import { type Draft, observationOf } from './draft'
import { type QueryResultEvent, TransactionFrames } from './frames'
import { modelOf } from './instance'
import { junctionDraft } from './junction'
import { primaryKeyOf } from './properties'
import { intercept } from './rows/install'
import { isInsertTold } from './rows/left-to-subscribers'
import { persisting, rowMark } from './rows/persisting'
import { wasInsertRead } from './rows/read-inserts'
import { RowCapture } from './rows/row-capture'
import type { Subject } from './rows/rows'
import type { SentRow } from './rows/write'
import { Selection } from './selection'
import { concreteMetadata, familyOf, interceptable } from './typeorm'
import { type Verb, WriteResults } from './write-results'
import { insertedDraft, removedDraft, softDraft, updatedDraft, type Write, type WriteEvent } from './writes'

const TABLE_CHANGE = /^\s*(?:alter|create|drop|rename|grant|revoke)\b/i

type Drafter = (write: Write) => Draft | undefined

/**
 * Turns what TypeORM tells of one data source into events. Every method may be called from a subscriber's hook: it is
 * synchronous and never throws, because what a hook throws makes the application's write fail.
 */
export class Capture {
  readonly #dataSource: DataSource
  readonly #recorder: Recorder
  readonly #reports: Reports
  readonly #selection: Selection
  readonly #frames: TransactionFrames
  readonly #results = new WriteResults()
  /** The entities whose names were checked: initialize() makes new ones each time. */
  #checked: readonly EntityMetadata[] | undefined
  #rows: RowCapture | undefined
  #detached = false
  readonly #strict: boolean
  /** What `strict` must not let be committed. */
  readonly #refused = new WeakMap<QueryRunner, string>()

  constructor(dataSource: DataSource, recorder: Recorder, settings: Settings) {
    this.#dataSource = dataSource
    this.#recorder = recorder
    this.#reports = new Reports(settings.logger)
    this.#strict = settings.strict
    this.#selection = new Selection(settings, this.#reports)
    this.#frames = new TransactionFrames(recorder, this.#reports)
  }

  /** How often each kind of failure was reported so far. */
  get failures(): ReadonlyMap<string, number> {
    return this.#reports.counts
  }

  /**
   * Captures the rows of TypeORM's own statements, where the database lets them be read.
   *
   * @returns undoes it
   */
  intercept(): () => void {
    const dataSource = this.#dataSource
    if (!interceptable(dataSource)) return () => undefined
    const inTransaction = (queryRunner: QueryRunner) =>
      queryRunner.isTransactionActive || this.#frames.isOpen(queryRunner)
    try {
      const rows = new RowCapture({
        dataSource,
        selection: this.#selection,
        event: (queryRunner, subject, make) => {
          this.#checkNames()
          return this.#event(queryRunner, subject, make)
        },
        moment: () => this.#recorder.moment(),
        eventsSoon: (queryRunner, moment, subject, { make, within }) => {
          this.#checkNames()
          return this.#recorder.captureSoon(moment, (row: SentRow, date) =>
            within(() => this.#observe(queryRunner, subject, () => make(row), date)),
          )
        },
        hold: (queryRunner, events) =>
          this.#guard('writes', () => this.#frames.record(queryRunner, events), queryRunner),
        held: (queryRunner) => this.#frames.count(queryRunner),
        failed: (part, error) => this.#reports.report('AUDIT_CAPTURE_FAILED', { problem: problemOf(error) }, part),
        statementFailed: (error) => this.#frames.statementFailed(error),
        inTransaction,
        mayBegin: (queryRunner) =>
          !inTransaction(queryRunner) && (this.#strict || !this.#frames.locksTables(queryRunner)),
        checkStrict: (queryRunner) => this.checkStrict(queryRunner),
        strict: this.#strict,
      })
      const undo = intercept(dataSource, rows)
      this.#rows = rows
      return () => {
        this.#rows = undefined
        undo()
      }
    } catch (error) {
      // Another TypeORM than this was written for: its subscribers still tell most.
      this.#reports.report('AUDIT_INTERCEPTION_FAILED', { problem: problemOf(error) })
      return () => undefined
    }
  }

  /**
   * Captures no further write. Transactions that are open are followed to their end: what was written in them before is
   * told of when they commit.
   *
   * @param ended called when none holds an event any more
   */
  detached(ended: () => void): void {
    this.#detached = true
    this.#frames.whenIdle(ended)
  }

  inserted(event: WriteEvent): void {
    // An upsert may be an update, and which it was is not told.
    this.#write(event, 'INSERT', ['OBJ_CREATE', 'OBJ_UPDATE'], 'added', insertedDraft)
  }

  updated(event: WriteEvent): void {
    this.#write(event, 'UPDATE', ['OBJ_UPDATE'], undefined, updatedDraft)
  }

  removed(event: WriteEvent): void {
    this.#write(event, 'DELETE', ['OBJ_DELETE'], 'removed', removedDraft)
  }

  softRemoved(event: WriteEvent): void {
    this.#write(event, 'UPDATE', ['OBJ_DELETE'], undefined, (write) => softDraft(write, 'removed'))
  }

  recovered(event: WriteEvent): void {
    this.#write(event, 'UPDATE', ['OBJ_UPDATE'], undefined, (write) => softDraft(write, 'recovered'))
  }

  queried(event: QueryResultEvent): void {
    this.#guard('queries', () => {
      if (TABLE_CHANGE.test(event.query)) this.#rows?.tableChanged()
      this.#frames.observe(event)
      // Not of a statement whose rows are read: TypeORM tells of others then, and theirs would be taken for it.
      if (!this.#rows?.isReading(event.queryRunner)) this.#results.observe(event)
    })
  }

  transactionEnded({ queryRunner }: Pick<QueryResultEvent, 'queryRunner'>, outcome: 'committed' | 'rolled back'): void {
    if (!queryRunner.isTransactionActive) this.#refused.delete(queryRunner)
    this.#guard('transactions', () => this.#frames.transactionEnded(queryRunner, outcome))
  }

  /**
   * To be asked before a COMMIT, and around a statement that commits by itself.
   *
   * @throws AuditError `AUDIT_STRICT` when `strict` is set and an event could not be built, or would not be accepted
   */
  checkStrict(queryRunner: QueryRunner): void {
    if (!this.#strict) return
    const refusal = this.#recorder.refusal(Math.max(1, this.#frames.count(queryRunner)))
    const problem = this.#refused.get(queryRunner)
    if (!queryRunner.isTransactionActive) this.#refused.delete(queryRunner)
    if (problem !== undefined) throw new AuditError('AUDIT_STRICT', { problem })
    if (refusal !== undefined) throw new AuditError('AUDIT_STRICT', { problem: refusal.message }, { cause: refusal })
  }

  #write(
    event: WriteEvent,
    verb: Verb,
    actions: readonly ObjectAction[],
    link: 'added' | 'removed' | undefined,
    drafter: Drafter,
  ): void {
    this.#guard(
      'writes',
      () => {
        if (this.#detached) return
        this.#checkNames()
        const { metadata } = event
        if (this.#rows !== undefined && this.#isHandled(event, verb)) return
        if (metadata.isJunction) {
          if (link !== undefined) this.#writeJunction(event, verb, link)
          return
        }
        const rows = [event.databaseEntity, event.entity]
        const exact = event.databaseEntity !== undefined || verb === 'INSERT'
        const concrete = concreteMetadata(metadata, ...rows)
        const decoration = exact ? this.#selection.of(concrete) : this.#selection.ofFamily(concrete)
        if (decoration === undefined || !actions.some((action) => decoration.actions.includes(action))) return
        this.#record(event.queryRunner, { metadata: concrete, decoration, action: actions[0] ?? 'OBJ_UPDATE' }, () => {
          const result = this.#results.claim(event, verb)
          return drafter({ event, metadata: concrete, decoration, result })
        })
      },
      event.queryRunner,
    )
  }

  /** Whether the rows of the statement itself tell of this write, and better. */
  #isHandled({ metadata, entity, databaseEntity }: WriteEvent, verb: Verb): boolean {
    const dataSource = this.#dataSource
    const family = familyOf(dataSource)
    if (verb === 'INSERT' && family === 'mysql')
      return (
        dataSource.driver.isReturningSqlSupported('insert') ||
        !isInsertTold(metadata, dataSource) ||
        wasInsertRead(metadata, entity)
      )
    if (verb !== 'UPDATE' || family === 'postgres') return true
    if (typeof databaseEntity !== 'object' || databaseEntity === null) return true
    const mark = rowMark(metadata.tablePath, primaryKeyOf(metadata, databaseEntity))
    return persisting()?.handled.has(mark) ?? false
  }

  #writeJunction(event: WriteEvent, verb: Verb, kind: 'added' | 'removed'): void {
    const side = this.#selection.ofJunction(event.metadata)
    if (side === undefined || !side.decoration.actions.includes('OBJ_UPDATE')) return
    this.#record(event.queryRunner, { ...side, action: 'OBJ_UPDATE' }, () => {
      const { rows } = this.#results.claim(event, verb)
      const row = event.entityId ?? event.entity
      return rows === 0 ? undefined : junctionDraft(event.metadata, side, { row, kind, rows })
    })
  }

  #record(queryRunner: QueryRunner, subject: Subject, make: () => Draft | undefined): void {
    const event = this.#event(queryRunner, subject, make)
    if (event !== undefined) this.#frames.record(queryRunner, [event])
  }

  #event(queryRunner: QueryRunner, subject: Subject, make: () => Draft | undefined): CapturedEvent | undefined {
    const observation = this.#observe(queryRunner, subject, make, new Date())
    if (observation === undefined || suspended(this.#recorder)) return undefined
    return this.#capture(queryRunner, observation)
  }

  /** A write did happen, so if its event cannot be made, one that says so takes its place. */
  #observe(
    queryRunner: QueryRunner,
    { metadata, action }: Subject,
    make: () => Draft | undefined,
    date: Date,
  ): Observation | undefined {
    try {
      const draft = make()
      if (draft === undefined) return undefined
      return observationOf(draft, this.#dataSource, date, (problem) => this.#unreadableName(metadata, problem))
    } catch (error) {
      const problem = problemOf(error)
      this.#refused.set(queryRunner, problem)
      this.#reports.report('AUDIT_CAPTURE_FAILED', { problem: `${modelOf(metadata)}: ${problem}` }, modelOf(metadata))
      const instance = { model: modelOf(metadata), fields: [], timestamp: date.toISOString() }
      // Not the problem's own words, which may hold a value that is masked.
      return { action, instance, coverageReason: 'the change could not be read: see the application log' }
    }
  }

  #capture(queryRunner: QueryRunner, observation: Observation): CapturedEvent | undefined {
    try {
      return this.#recorder.capture(observation)
    } catch (error) {
      // It never throws, it says; should it do so, `strict` must not let the write pass.
      this.#refused.set(queryRunner, problemOf(error))
      this.#reports.report('AUDIT_CAPTURE_FAILED', { problem: problemOf(error) }, 'event')
      return undefined
    }
  }

  #unreadableName(metadata: EntityMetadata, error: unknown): void {
    const path = `the name of ${modelOf(metadata)}: ${problemOf(error)}`
    this.#reports.report('AUDIT_VALUE_UNREADABLE', { path }, modelOf(metadata))
  }

  #checkNames(): void {
    const { entityMetadatas } = this.#dataSource
    if (this.#checked === entityMetadatas) return
    this.#checked = entityMetadatas
    this.#selection.checkNames(this.#dataSource)
  }

  #guard(part: string, run: () => void, queryRunner?: QueryRunner): void {
    try {
      run()
    } catch (error) {
      if (queryRunner !== undefined) this.#refused.set(queryRunner, problemOf(error))
      this.#reports.report('AUDIT_CAPTURE_FAILED', { problem: problemOf(error) }, part)
    }
  }
}
