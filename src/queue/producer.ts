import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { AuditError } from '../../config/errors'
import { defaultLogger } from '../../config/logger'
import type { Settings } from '../../config/settings'
import { Backlog } from './backlog'
import type { RedisClient } from './connection'
import { type QueueKeys, queueKeys, shardKeys } from './keys'
import { Pace } from './pace'
import { ProducerConnection } from './producer-connection'
import type { Push } from './push'
import type { EventLine, EventQueue, QueueCounts, SettingsNote } from './queue'
import { type Report, rareReport } from './rare-report'
import { exchangeSettings } from './seen-settings'

const CLOSE_MS = 5_000
const RETRY_MS = { first: 50, most: 2_000 }
/** How often it is looked for files of processes that have died. */
const SCAN_MS = 60_000

export function createQueue(settings: Settings): EventQueue {
  return new RedisProducer(settings)
}

/**
 * Keeps lines in memory and appends them to the pending list: one multi-value RPUSH for all that one turn of the event
 * loop captured, and one push under way at a time, so that order is kept and a slow Redis makes pushes larger, not more.
 *
 * Every push also sets a marker (same transaction) to its number. When the reply is lost, the marker says whether the
 * push took effect, and only what did not is pushed again.
 */
class RedisProducer implements EventQueue {
  readonly #report: Report
  readonly #directory: string | undefined
  readonly #shards: readonly QueueKeys[]
  /** Whatever the number of shards is: it is a setting as well, and the workers drain this list in any case. */
  readonly #settingsKeys: { readonly tag: string; readonly pending: string }
  readonly #id = randomUUID()
  readonly #backlog: Backlog
  readonly #pace = new Pace()
  readonly #connection: ProducerConnection
  readonly #scans: NodeJS.Timeout | undefined
  readonly #closed = new AbortController()
  readonly #waiting: { until: number; resolve: () => void }[] = []
  #dropped = 0
  #retried = 0
  #number = 0
  #push: Push | undefined
  #note: SettingsNote | undefined
  #draining: Promise<void> | undefined
  #closing: Promise<void> | undefined

  constructor(settings: Settings) {
    const logger = settings.logger ?? defaultLogger('warn')
    this.#report = rareReport(logger)
    this.#directory = settings.spillDirectory
    this.#shards = shardKeys(settings)
    const { tag, pending } = queueKeys(settings.prefix)
    this.#settingsKeys = { tag: `${tag}:capture`, pending }
    this.#backlog = new Backlog(settings, this.#report)
    this.#connection = new ProducerConnection(settings, logger, () => this.#isNeeded)
    if (this.#directory === undefined) return
    this.#scans = setInterval(() => this.open(), SCAN_MS).unref()
    process.on('exit', this.#atExit)
  }

  get counts(): QueueCounts {
    const { accepted, lost, spilled, adopted, waiting } = this.#backlog
    const pushed = accepted - lost - waiting
    return { accepted, pushed, waiting, lost, dropped: this.#dropped, spilled, adopted, retried: this.#retried }
  }

  push(lines: readonly EventLine[]): void {
    for (const line of lines) if (this.#closed.signal.aborted || !this.#backlog.accept(line)) this.#drop()
    this.#start()
  }

  refusal(events = 1): AuditError | undefined {
    if (this.#closed.signal.aborted) return new AuditError('AUDIT_EVENT_REFUSED', { reason: 'the logger is closed' })
    if (this.#backlog.makeRoom(events)) return undefined
    const reason = `Redis takes none, ${this.#backlog.waiting} wait already, and there is no room for more`
    return new AuditError('AUDIT_EVENT_REFUSED', { reason })
  }

  open(): void {
    if (this.#directory !== undefined) void this.#backlog.scan().then(() => this.#start())
  }

  noteSettings(note: SettingsNote): void {
    this.#note = note
  }

  async flush(): Promise<void> {
    const until = this.#backlog.accepted
    if (this.#backlog.left >= until || this.#closed.signal.aborted) return
    await new Promise<void>((resolve) => {
      this.#waiting.push({ until, resolve })
      this.#pace.hurry()
    })
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    clearInterval(this.#scans)
    this.#backlog.tellMissing()
    this.#start()
    const deadline = new AbortController()
    await Promise.race([this.flush(), delay(CLOSE_MS, undefined, { signal: deadline.signal }).catch(ignoreAbort)])
    deadline.abort()
    this.#closed.abort()
    this.#connection.disconnect()
    await this.#draining
    process.off('exit', this.#atExit)
    const { spilled, lost } = this.#backlog.leave(this.#push)
    this.#push = undefined
    this.#wake(Number.POSITIVE_INFINITY)
    await this.#backlog.close()
    const directory = this.#directory ?? ''
    if (spilled > 0) this.#report('warn', 'AUDIT_CLOSE_SPILLED', { count: spilled, ms: CLOSE_MS, directory })
    if (lost > 0) this.#report('error', 'AUDIT_CLOSE_INCOMPLETE', { count: lost, ms: CLOSE_MS })
  }

  /** `process.exit()` without `close()`: what is still in memory is written down, if there is where to. */
  readonly #atExit = (): void => {
    this.#backlog.leave(this.#push)
  }

  #drop(): void {
    this.#dropped += 1
    const code = this.#closed.signal.aborted ? 'AUDIT_CLOSED' : 'AUDIT_BUFFER_FULL'
    this.#report('error', code, { count: this.#dropped })
  }

  #start(): void {
    if (this.#backlog.isEmpty || this.#closed.signal.aborted) return
    if (this.#draining === undefined) this.#draining = this.#drain().catch((error) => this.#interrupted(error))
    else this.#connection.hold()
    if (this.#backlog.isUrgent) this.#pace.hurry()
  }

  /** What dead processes left can wait on: it must not keep a finished program from exiting. */
  get #isNeeded(): boolean {
    return this.#draining !== undefined && this.#backlog.waiting > 0
  }

  /** Pushes until nothing waits. Begins with the next turn, so that all of this turn goes in one push. */
  async #drain(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve))
    this.#connection.hold()
    // What a dead process left is older than anything of this one.
    if (this.#number === 0) await this.#backlog.scan()
    for (;;) {
      // With enough for a full push, or with somebody who waits for it, there is no rest.
      if (!this.#backlog.isEmpty && !this.#backlog.isUrgent && this.#waiting.length === 0) await this.#pace.rest()
      if (this.#closed.signal.aborted) break
      // One that an unforeseen error interrupted goes on.
      const push = this.#push ?? this.#next()
      if (push === undefined) break
      if (push === 'later') {
        await this.#pause(RETRY_MS.most)
        continue
      }
      this.#push = push
      this.#pace.begins()
      await this.#deliver(push)
      if (!push.isDone) break
      this.#push = undefined
      this.#backlog.settle(push)
      this.#wake(this.#backlog.left)
    }
    this.#draining = undefined
    this.#connection.hold()
  }

  /** Nobody awaits the draining, and what nobody awaits would end the application when it fails. */
  #interrupted(error: unknown): void {
    this.#draining = undefined
    this.#report('error', 'AUDIT_PUSH_DELAYED', { cause: reasonOf(error) })
  }

  #next(): Push | 'later' | undefined {
    this.#number += 1
    const number = this.#number
    try {
      const guardOf = ({ tag }: QueueKeys) => ({ marker: `${tag}:producer:${this.#id}`, number })
      return this.#backlog.next({ shards: this.#shards, guardOf })
    } catch {
      // A file that cannot be read: said already, and left alone after some attempts.
      return 'later'
    } finally {
      this.#wake(this.#backlog.left)
    }
  }

  /** Returns once the lines are on the list (or the producer was closed), however often Redis fails before. */
  async #deliver(push: Push): Promise<void> {
    for (let attempt = 0; !this.#closed.signal.aborted; attempt += 1) {
      try {
        const redis = await this.#connection.ready()
        await push.attempt(redis)
        if (this.#note !== undefined) await this.#tellSettings(redis, this.#note)
        return
      } catch (error) {
        // What failed then was telling of the settings, which comes again with the next push.
        if (push.isDone || this.#closed.signal.aborted) return
        this.#retried += 1
        if (attempt === 0) this.#report('warn', 'AUDIT_PUSH_DELAYED', { cause: reasonOf(error) })
        const most = Math.min(RETRY_MS.first * 2 ** attempt, RETRY_MS.most)
        await this.#pause(most * (0.5 + Math.random() / 2))
      }
    }
  }

  async #tellSettings(redis: RedisClient, note: SettingsNote): Promise<void> {
    const outcome = await exchangeSettings(redis, this.#settingsKeys, note)
    if (outcome === 'overtaken') return
    this.#note = undefined
    // It went straight to the list.
    if (outcome === 'told') this.#backlog.accepted += 1
  }

  async #pause(ms: number): Promise<void> {
    await delay(ms, undefined, { signal: this.#closed.signal, ref: this.#isNeeded }).catch(ignoreAbort)
  }

  /** Ends the `flush()` calls whose lines have left. */
  #wake(left: number): void {
    while (this.#waiting[0] !== undefined && this.#waiting[0].until <= left) this.#waiting.shift()?.resolve()
  }
}

/** An aborted transaction only says that it was; why is in the error of the command that was refused. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const [first] = 'previousErrors' in error ? (error.previousErrors as Error[]) : []
  return (first ?? error).message
}

function ignoreAbort(error: unknown): void {
  if (!(error instanceof Error && error.name === 'AbortError')) throw error
}
