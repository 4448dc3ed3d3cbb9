import type { ErrorCode } from '../config/errors'
import type { Logger } from '../config/logger'
import type { WorkerSettings } from '../config/settings'
import type { RedisClient } from '../src/queue/connection'
import { everyKeys, type QueueKeys, shardKeys } from '../src/queue/keys'
import { balance, isDue } from './balance'
import type { Fleet, FleetView } from './fleet'
import type { FlushSummary } from './flush'
import type { Flushers } from './flushers'
import { isHeld, isOrphaned, type ListView, lookAt } from './look'
import { backoffMs } from './pause'
import type { Watchdog } from './watchdog'

/** How often the lists of other numbers of shards are looked at: every so many looks, and in every new round. */
const OTHERS_EVERY = 10
const COMPLAIN_MS = 30_000
/** Stands for the holder of a list that nobody shall take for now. */
const RESTING = 'resting'
/** What ends a flush though CloudWatch would take its events: tried again soon. All else waits for the next round. */
const OURS: ReadonlySet<ErrorCode> = new Set(['AUDIT_FLUSH_FAILED', 'AUDIT_LEASE_LOST'])

export interface ShiftsOptions {
  readonly redis: RedisClient
  readonly settings: WorkerSettings
  readonly logger: Logger
  readonly flushers: Flushers
  readonly fleet: Fleet
  readonly watchdog: Watchdog
  /** No round began for too long. */
  readonly late: () => Promise<void>
}

/**
 * Shares the lists among all workers. About once a second it looks at them: those that are due in this round, and those
 * whose worker died, are flushed by whoever has the fewest. A backlog above the threshold begins a round early.
 */
export class Shifts {
  readonly #options: ShiftsOptions
  readonly #current: readonly QueueKeys[]
  readonly #others: readonly QueueKeys[]
  readonly #running = new Set<string>()
  readonly #flushes = new Set<Promise<void>>()
  /** Lists whose flush failed here: how often in a row, and the moment or the round before which not to try again. */
  readonly #resting = new Map<string, { failures: number; until: number; round: number }>()
  #filled: readonly QueueKeys[] = []
  #round = 0
  #looks = 0
  #timer: NodeJS.Timeout | undefined
  #looking: Promise<void> | undefined
  #again = false
  #closed = false
  #complainedAt = Number.NEGATIVE_INFINITY

  constructor(options: ShiftsOptions) {
    this.#options = options
    this.#current = shardKeys(options.settings)
    this.#others = everyKeys(options.settings).slice(this.#current.length)
  }

  /** @param everyMs how often to look */
  start(everyMs: number): void {
    this.#timer = setInterval(() => void this.look(), everyMs)
    void this.look()
  }

  /** Looks now; a call during a look has it followed by another one. Never throws. */
  async look(): Promise<void> {
    if (this.#looking) {
      this.#again = true
      return
    }
    this.#looking = this.#lookOnce()
      .catch((err: unknown) => this.#complain(err))
      .finally(() => {
        this.#looking = undefined
      })
    await this.#looking
    if (!this.#again) return
    this.#again = false
    await this.look()
  }

  /** Takes no more lists; resolves when those under way have ended, as they do once their flushers are closed. */
  async close(): Promise<void> {
    this.#closed = true
    clearInterval(this.#timer)
    await Promise.all(this.#flushes)
  }

  async #lookOnce(): Promise<void> {
    const { redis, fleet, watchdog, late, flushers } = this.#options
    // A command sent while Redis is gone would wait for it, and answer about a moment long past.
    if (this.#closed || redis.status !== 'ready') return
    const view = await fleet.attend()
    const lists = await this.#lists(view.round)
    this.#round = view.round
    watchdog.see(lists)
    if (watchdog.isLate(view.round)) {
      await late()
      await fleet.begin(view.round)
      this.#again = true
    } else if (this.#isOverThreshold(lists, view)) {
      await fleet.begin(view.round)
      this.#again = true
    }
    if (this.#closed) return
    const { take, pass } = balance(lists, view.round, view.workers, flushers.owner)
    for (const { keys } of pass) flushers.of(keys).pass()
    for (const { keys } of take) {
      const flush = this.#flush(keys, view.round).finally(() => this.#flushes.delete(flush))
      this.#flushes.add(flush)
    }
  }

  /** Those of the settings, and of the others those that hold something: nothing may wait in them for ever. */
  async #lists(round: number): Promise<ListView[]> {
    const all = round !== this.#round || this.#looks % OTHERS_EVERY === 0
    this.#looks += 1
    const others = all ? this.#others : this.#filled
    const [current, left] = await Promise.all([this.#viewsOf(this.#current), this.#viewsOf(others)])
    const filled = left.filter(({ pending, due, owner }) => pending + due > 0 || owner !== '')
    this.#filled = filled.map(({ keys }) => keys)
    return [...current, ...filled].map((list) => this.#asFarAsWeKnow(list, round))
  }

  /** Without those that cannot be seen now: one node of a Cluster that is down must not stop the lists of the others. */
  async #viewsOf(all: readonly QueueKeys[]): Promise<ListView[]> {
    const looks = await Promise.allSettled(all.map((keys) => lookAt(this.#options.redis, keys)))
    const unseen = looks.filter((look) => look.status === 'rejected')
    if (unseen.length > 0) this.#complain(unseen[0]?.reason)
    return looks.flatMap((look) => (look.status === 'fulfilled' ? [look.value] : []))
  }

  /** A worker looks every second: one line per half minute says as much. */
  #complain(reason: unknown): void {
    if (performance.now() - this.#complainedAt < COMPLAIN_MS) return
    this.#complainedAt = performance.now()
    const cause = reason instanceof Error ? reason.message : String(reason)
    this.#options.logger.warn({ cause }, 'the pending lists could not be looked at')
  }

  /** What this process knows better than Redis: which flushes it has begun, which have ended, and which it puts off. */
  #asFarAsWeKnow(list: ListView, round: number): ListView {
    const { owner } = this.#options.flushers
    const { tag } = list.keys
    if (this.#running.has(tag)) return { ...list, owner, leaseLeftMs: 1 }
    const rest = this.#resting.get(tag)
    const rests = rest !== undefined && (performance.now() < rest.until || rest.round === round)
    if (rests && (list.owner === owner || !isHeld(list))) return { ...list, owner: RESTING, leaseLeftMs: 1 }
    // Not given back, because Redis was gone at that moment; it may be taken again at once.
    return list.owner === owner ? { ...list, leaseLeftMs: 0 } : list
  }

  /** Not while CloudWatch takes nothing: a backlog would then begin one round after another, each in vain. */
  #isOverThreshold(lists: readonly ListView[], { round, failedRound }: FleetView): boolean {
    if (failedRound === round) return false
    const waiting = lists.filter((list) => !isHeld(list) && !isOrphaned(list) && !isDue(list, round))
    const events = waiting.reduce((sum, { pending }) => sum + pending, 0)
    return events >= this.#options.settings.flushThreshold
  }

  async #flush(keys: QueueKeys, round: number): Promise<void> {
    const { flushers, logger } = this.#options
    this.#running.add(keys.tag)
    try {
      await this.#record(keys, round, await flushers.of(keys).flush())
    } catch (err) {
      logger.warn({ err }, 'the end of a flush could not be recorded')
    } finally {
      this.#running.delete(keys.tag)
    }
    await this.look()
  }

  /** With the round in which it began: what came after that may still be pending. */
  async #record(keys: QueueKeys, round: number, { outcome, error }: FlushSummary): Promise<void> {
    if (outcome === 'ok') {
      this.#resting.delete(keys.tag)
      await this.#options.fleet.done(keys, round)
    } else if (error !== undefined && OURS.has(error.code)) {
      const failures = (this.#resting.get(keys.tag)?.failures ?? 0) + 1
      this.#resting.set(keys.tag, { failures, until: performance.now() + 500 + backoffMs(failures), round: 0 })
    } else if (outcome === 'failed') {
      // Each worker tries once a round: what CloudWatch refuses one, with its credentials, another may be able to send.
      this.#resting.set(keys.tag, { failures: 0, until: 0, round })
      await this.#options.fleet.failed(round)
    }
  }
}
