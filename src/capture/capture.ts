import type { DataSource, EntityMetadata } from 'typeorm'
import type { Settings } from '../../config/settings'
import type { Recorder } from '../recorder'
import { problemOf, Reports } from '../report'
import { suspended } from '../switches/suspension'
import type { Decoration, ObjectAction } from './decoration'
import { type Draft, observationOf } from './draft'
import { type QueryResultEvent, TransactionFrames } from './frames'
import { modelOf } from './instance'
import { junctionDraft } from './junction'
import { Selection } from './selection'
import { concreteMetadata } from './typeorm'
import { type Verb, WriteResults } from './write-results'
import { insertedDraft, removedDraft, softDraft, updatedDraft, type Write, type WriteEvent } from './writes'

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

  constructor(dataSource: DataSource, recorder: Recorder, settings: Settings) {
    this.#dataSource = dataSource
    this.#recorder = recorder
    this.#reports = new Reports(settings.logger)
    this.#selection = new Selection(settings, this.#reports)
    this.#frames = new TransactionFrames(recorder, this.#reports)
  }

  /** How often each kind of failure was reported so far. */
  get failures(): ReadonlyMap<string, number> {
    return this.#reports.counts
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
      this.#frames.observe(event)
      this.#results.observe(event)
    })
  }

  transactionEnded({ queryRunner }: Pick<QueryResultEvent, 'queryRunner'>, outcome: 'committed' | 'rolled back'): void {
    this.#guard('transactions', () => this.#frames.transactionEnded(queryRunner, outcome))
  }

  #write(
    event: WriteEvent,
    verb: Verb,
    actions: readonly ObjectAction[],
    link: 'added' | 'removed' | undefined,
    drafter: Drafter,
  ): void {
    this.#guard('writes', () => {
      this.#checkNames()
      const { metadata } = event
      if (metadata.isJunction) {
        if (link !== undefined) this.#writeJunction(event, verb, link)
        return
      }
      const rows = [event.databaseEntity, event.entity]
      const exact = event.databaseEntity !== undefined || verb === 'INSERT'
      const concrete = concreteMetadata(metadata, ...rows)
      const decoration = exact ? this.#selection.of(concrete) : this.#selection.ofFamily(concrete)
      if (decoration === undefined || !actions.some((action) => decoration.actions.includes(action))) return
      this.#record(event, concrete, decoration, actions, () => {
        const result = this.#results.claim(event, verb)
        return drafter({ event, metadata: concrete, decoration, result })
      })
    })
  }

  #writeJunction(event: WriteEvent, verb: Verb, kind: 'added' | 'removed'): void {
    const side = this.#selection.ofJunction(event.metadata)
    if (side === undefined || !side.decoration.actions.includes('OBJ_UPDATE')) return
    this.#record(event, side.metadata, side.decoration, ['OBJ_UPDATE'], () => {
      const { rows } = this.#results.claim(event, verb)
      const row = event.entityId ?? event.entity
      return rows === 0 ? undefined : junctionDraft(event.metadata, side, { row, kind, rows })
    })
  }

  /** A write did happen, so if its event cannot be made, one that says so takes its place. */
  #record(
    event: WriteEvent,
    metadata: EntityMetadata,
    decoration: Decoration,
    [action = 'OBJ_UPDATE']: readonly ObjectAction[],
    make: () => Draft | undefined,
  ): void {
    let observation: ReturnType<typeof observationOf>
    try {
      const draft = make()
      if (draft === undefined) return
      observation = observationOf(draft, this.#dataSource, (problem) => this.#unreadableName(metadata, problem))
    } catch (error) {
      const problem = problemOf(error)
      this.#reports.report('AUDIT_CAPTURE_FAILED', { problem: `${modelOf(metadata)}: ${problem}` }, modelOf(metadata))
      const instance = { model: modelOf(metadata), fields: [], timestamp: new Date().toISOString() }
      // The problem's own words may hold a value that the decoration masks: then they are left out.
      const said = decoration.mask.length > 0 ? 'see the application log' : problem
      observation = { action, instance, coverageReason: `the change could not be read: ${said}` }
    }
    if (observation === undefined || suspended(this.#recorder)) return
    this.#frames.record(event.queryRunner, this.#recorder.capture(observation))
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

  #guard(part: string, run: () => void): void {
    try {
      run()
    } catch (error) {
      this.#reports.report('AUDIT_CAPTURE_FAILED', { problem: problemOf(error) }, part)
    }
  }
}
