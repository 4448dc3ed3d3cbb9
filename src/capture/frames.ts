import type { QueryRunner } from 'typeorm'
import { v7 } from 'uuid'
import type { CapturedEvent, Recorder } from '../recorder'
import type { Reports } from '../report'
import { type Control, controlsIn, OWN } from './statement'
import {
  begin,
  held,
  hold,
  IDLE,
  next,
  type Open,
  releaseSavepoint,
  rollBackTo,
  setSavepoint,
  type TransactionState,
  UNTRACKED,
} from './transaction'
import {
  autocommits,
  commandTags,
  dataSourceOf,
  type Family,
  familyOf,
  inTransaction,
  type OkPacket,
  okPacket,
  type SubscriberEvent,
} from './typeorm'

/** What TypeORM tells a subscriber after each query. */
export interface QueryResultEvent extends SubscriberEvent {
  readonly query: string
  readonly success: boolean
  readonly rawResults?: unknown
  readonly error?: unknown
}

/**
 * After which the whole transaction is gone: a deadlock, and "record has changed since last read", which MariaDB says
 * under innodb_snapshot_isolation (the default from 11.6 on).
 */
const LOST = new Set<unknown>([1213, 1020])

/** Statements before which MySQL commits, even if they fail then. */
const COMMITS_FIRST =
  /^\s*(?:alter|create(?!\s+(?:or\s+replace\s+)?temporary)|drop(?!\s+temporary)|rename|truncate|grant|revoke|lock\s+tables?|analyze|optimize|repair)\b/i
/** `LOCK TABLES` of MySQL, which keeps what it locks until this, or until a transaction begins. */
const TABLE_LOCK = /^\s*(un)?lock\s+tables?\b/i
/** What may end a transaction in either way, and the server says only that it has ended. */
const PROCEDURE = /^\s*(?:call|execute|begin\s+not\s+atomic)\b/i
/** A lock that was waited for too long: with innodb_rollback_on_timeout the transaction is gone, else the statement. */
const TIMEOUT = 1205
/** A syntax error, and what is not allowed inside of XA: those commit nothing. */
const NOT_TRIED = new Set<unknown>([1064, 1399])

/**
 * Holds the events of open transactions, and delivers them after the outermost COMMIT took effect.
 *
 * It follows the statements themselves, because TypeORM's transaction hooks miss too much: a raw BEGIN raises none, and
 * one that says "committed" is raised for savepoints, and for a COMMIT that PostgreSQL answered with ROLLBACK. Each
 * query runner has its own state, held weakly: after a killed connection nothing more is heard of it.
 */
export class TransactionFrames {
  readonly #recorder: Recorder
  readonly #reports: Reports
  readonly #states = new WeakMap<QueryRunner, TransactionState>()
  readonly #locking = new WeakSet<QueryRunner>()
  /** Those that may be gone, as the next answer of the server will show. */
  readonly #doubtful = new WeakSet<Open>()
  /** How many transactions hold events. */
  #waiting = 0
  #idle: (() => void) | undefined

  constructor(recorder: Recorder, reports: Reports) {
    this.#recorder = recorder
    this.#reports = reports
  }

  /** Holds the events if a transaction is open, else delivers them at once. */
  record(queryRunner: QueryRunner, events: readonly CapturedEvent[]): void {
    if (events.length === 0) return
    const state = this.#stateOf(queryRunner)
    if (state.kind === 'open') this.#hold(state, events)
    else if (state.kind === 'untracked' && queryRunner.isTransactionActive) {
      const open = begin({ adopted: true })
      this.#setState(queryRunner, open)
      this.#hold(open, events)
    } else this.#recorder.deliver(events)
  }

  /** Runs it when no event waits for a COMMIT any more. */
  whenIdle(run: () => void): void {
    if (this.#waiting === 0) run()
    else this.#idle = run
  }

  /** How many events wait for the COMMIT. */
  count(queryRunner: QueryRunner): number {
    const state = this.#stateOf(queryRunner)
    return state.kind === 'open' ? state.frames.reduce((sum, { events }) => sum + events.length, 0) : 0
  }

  /** Whether statements were seen to begin a transaction that has not ended. */
  isOpen(queryRunner: QueryRunner): boolean {
    return this.#stateOf(queryRunner).kind === 'open'
  }

  /** Whether it holds tables that a transaction of this package would release. */
  locksTables(queryRunner: QueryRunner): boolean {
    return this.#locking.has(queryRunner)
  }

  /** To be told of every query. */
  observe(event: QueryResultEvent): void {
    const controls = controlsIn(event.query)
    const dataSource = dataSourceOf(event)
    const family = dataSource === undefined ? 'other' : familyOf(dataSource)
    if (controls.length === 0) {
      this.#observePlain(event, family)
      return
    }
    const tags = family === 'postgres' ? commandTags(event.rawResults) : []
    // SQLite runs the first statement only.
    const run = family === 'sqlite' || !event.success ? controls.slice(0, 1) : controls
    run.forEach((control, index) => {
      if (control === undefined) return
      if (event.success) this.#apply(event, control, family, tags[index])
      else this.#applyFailed(event, control, family)
    })
  }

  /** A statement outside of a transaction has failed: if it was not the server that said so, it may have written. */
  statementFailed({ driverError }: { readonly driverError?: unknown }): void {
    if (isAnswer(driverError) || !isSilence(driverError)) return
    const problem = String(messageOf(driverError))
    this.#reports.report('AUDIT_COMMIT_UNKNOWN', { count: 'an unknown number of', problem })
  }

  /** TypeORM's hook: only where the statements did not tell (drivers that commit without one). */
  transactionEnded(queryRunner: QueryRunner, outcome: 'committed' | 'rolled back'): void {
    const state = this.#stateOf(queryRunner)
    if (state.kind !== 'open' || !state.adopted || queryRunner.isTransactionActive) return
    if (outcome === 'committed') this.#commit(queryRunner, state)
    this.#setState(queryRunner, UNTRACKED)
  }

  #apply(event: QueryResultEvent, control: Control, family: Family, tag: string | undefined): void {
    const { queryRunner } = event
    const state = this.#stateOf(queryRunner)
    const open = state.kind === 'open' ? state : undefined
    switch (control.kind) {
      case 'begin': {
        // PostgreSQL only warns; MySQL commits what is open; SQLite refuses, unless it had rolled back by itself.
        if (open !== undefined && (family === 'postgres' || family === 'other')) return
        if (open !== undefined && family === 'mysql') this.#commit(queryRunner, open)
        const packet = family === 'mysql' && control.trusted ? okPacket(event.rawResults) : undefined
        const trusted = packet !== undefined && inTransaction(packet)
        const own = event.query.endsWith(OWN)
        this.#locking.delete(queryRunner)
        this.#setState(queryRunner, begin({ trusted, standing: open?.standing ?? false, own }))
        return
      }
      case 'commit':
        if (open !== undefined && tag !== 'ROLLBACK') this.#commit(queryRunner, open)
        this.#setState(queryRunner, next(state, control.chain))
        return
      case 'rollback':
        this.#setState(queryRunner, next(state, control.chain))
        return
      case 'savepoint':
        if (open !== undefined) setSavepoint(open, control.name)
        // In SQLite a savepoint outside a transaction begins one.
        else if (family === 'sqlite') this.#setState(queryRunner, begin({ savepoint: control.name }))
        return
      case 'release':
        if (open !== undefined && releaseSavepoint(open, control.name) === 'committed') this.#commit(queryRunner, open)
        return
      case 'rollbackTo':
        if (open !== undefined) rollBackTo(open, control.name)
        return
      case 'prepare': {
        const count = open === undefined ? 0 : held(open).length
        if (count > 0) this.#reports.report('AUDIT_TRANSACTION_PREPARED', { count })
        this.#setState(queryRunner, IDLE)
      }
    }
  }

  #applyFailed({ queryRunner, error }: QueryResultEvent, { kind }: Control, family: Family): void {
    const state = this.#stateOf(queryRunner)
    if (state.kind !== 'open') return
    // After a failing COMMIT (a deferred key), SQLite alone keeps the transaction open.
    const survives = family === 'sqlite' && !/no transaction is active/i.test(String(messageOf(error)))
    if (kind === 'rollback' || (kind === 'commit' && !survives)) {
      this.#setState(queryRunner, next(state))
      const count = held(state).length
      if (kind === 'commit' && count > 0 && !isAnswer(error)) {
        this.#reports.report('AUDIT_COMMIT_UNKNOWN', { count, problem: String(messageOf(error)) })
      }
    }
  }

  #observePlain({ query, queryRunner, success, rawResults, error }: QueryResultEvent, family: Family): void {
    if (family !== 'mysql') return
    if (success) {
      const lock = TABLE_LOCK.exec(query)
      if (lock !== null) this.#locking[lock[1] === undefined ? 'add' : 'delete'](queryRunner)
      const packet = okPacket(rawResults)
      if (packet !== undefined) this.#observeStatus(queryRunner, packet, query)
      return
    }
    const state = this.#stateOf(queryRunner)
    if (state.kind === 'open' && errnoOf(error) === TIMEOUT) this.#doubtful.add(state)
    const lost = isLoss(error)
    const commits = !lost && COMMITS_FIRST.test(query) && wasTried(error)
    if (state.kind !== 'open' || !(lost || commits)) return
    if (commits) this.#commit(queryRunner, state)
    // Later statements stand outside of the transaction.
    this.#setState(queryRunner, next(state))
  }

  /** MySQL says after each statement whether a transaction is open. */
  #observeStatus(queryRunner: QueryRunner, packet: OkPacket, query: string): void {
    const state = this.#stateOf(queryRunner)
    const inside = inTransaction(packet)
    const standing = !autocommits(packet)
    if (state.kind === 'open' && state.trusted && !inside) {
      if (this.#doubtful.has(state)) this.#setState(queryRunner, next(state))
      else if (PROCEDURE.test(query)) this.#endUnknown(queryRunner, state)
      // A statement that commits implicitly, such as CREATE TABLE.
      else this.#commit(queryRunner, state)
    } else if (state.kind === 'open') this.#doubtful.delete(state)
    const { kind } = this.#stateOf(queryRunner)
    // Autocommit is off, or a stored procedure began a transaction.
    if (kind !== 'open' && (inside || standing)) this.#setState(queryRunner, begin({ trusted: true, standing }))
    else if (kind === 'untracked') this.#setState(queryRunner, IDLE)
  }

  #endUnknown(queryRunner: QueryRunner, open: Open): void {
    this.#setState(queryRunner, IDLE)
    const count = held(open).length
    if (count > 0) this.#reports.report('AUDIT_COMMIT_UNKNOWN', { count, problem: 'a procedure ended the transaction' })
  }

  #commit(queryRunner: QueryRunner, open: Open): void {
    this.#setState(queryRunner, IDLE)
    const events = held(open)
    if (events.length > 0) this.#recorder.deliver(events, open.own ? undefined : v7())
  }

  #hold(open: Open, events: readonly CapturedEvent[]): void {
    hold(open, events)
    if (!open.holds) this.#waiting += 1
    open.holds = true
  }

  #setState(queryRunner: QueryRunner, state: TransactionState): void {
    const before = this.#stateOf(queryRunner)
    this.#states.set(queryRunner, state)
    if (before.kind !== 'open' || !before.holds || before === state) return
    this.#waiting -= 1
    if (this.#waiting === 0) this.#idle?.()
  }

  #stateOf(queryRunner: QueryRunner): TransactionState {
    return this.#states.get(queryRunner) ?? UNTRACKED
  }
}

function isLoss(error: unknown): boolean {
  return LOST.has(errnoOf(error))
}

function errnoOf(error: unknown): unknown {
  return (error as { errno?: unknown } | null | undefined)?.errno
}

function wasTried(error: unknown): boolean {
  return isAnswer(error) && !NOT_TRIED.has(errnoOf(error))
}

/** Whether the database itself refused; a lost connection leaves open whether the COMMIT took effect. */
function isAnswer(error: unknown): boolean {
  const { code, errno, fatal } = (error ?? {}) as { code?: unknown; errno?: unknown; fatal?: unknown }
  if (fatal === true) return false
  if (typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code)) return !/^(08|57P|40003)/.test(code)
  return typeof errno === 'number' && errno > 0
}

/** Whether the server was no longer heard; what the client refuses to send is never executed. */
function isSilence(error: unknown): boolean {
  const { code, fatal } = (error ?? {}) as { code?: unknown; fatal?: unknown }
  return fatal === true || /timeout|connection|ECONN|EPIPE|socket/i.test(`${code} ${messageOf(error)}`)
}

function messageOf(error: unknown): unknown {
  return (error as { message?: unknown } | null | undefined)?.message ?? error
}
