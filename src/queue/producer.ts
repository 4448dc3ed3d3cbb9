import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { AuditError } from '../../config/errors'
import { defaultLogger, type Logger } from '../../config/logger'
import type { Settings } from '../../config/settings'
import { backoff, connectRedis, PRODUCER_CONNECTION, type RedisClient } from './connection'
import { type QueueKeys, queueKeys } from './keys'
import { LineBuffer } from './line-buffer'
import type { EventLine, EventQueue } from './queue'

/** Managed serverless Redis limits a request to 3,999 arguments; a request this small also never blocks Redis for long. */
const MOST_PER_PUSH = 1_000
/** How long Redis remembers what a process pushed last: the longest outage after which nothing is pushed twice. */
const MARKER_MS = 24 * 60 * 60 * 1000
/**
 * Under a steady load a push is made this often and not at every turn: beside a save() of half a millisecond, a round
 * trip each costs a third of it. An event after a quiet time goes at once. What is not pushed is lost if the process
 * dies, so it stays short.
 */
const PACE_MS = 10
const CLOSE_MS = 5_000
const RETRY_MS = { first: 50, most: 2_000 }

export function createQueue(settings: Settings): EventQueue {
  return new RedisProducer(settings)
}

/**
 * Buffers lines and appends them to the pending list: one multi-value RPUSH for all that one turn of the event loop
 * captured, and one push under way at a time, so that order is kept and a slow Redis makes pushes larger, not more.
 *
 * Every push also sets a marker (same transaction) to its number. When the reply is lost, the marker says whether the
 * push took effect, and only what did not is pushed again.
 */
class RedisProducer implements EventQueue {
  readonly #logger: Logger
  readonly #settings: Settings
  readonly #keys: QueueKeys
  readonly #marker: string
  readonly #buffer = new LineBuffer()
  #redis: RedisClient | undefined
  #number = 0
  #dropped = 0
  #pushedAt = Number.NEGATIVE_INFINITY
  /** Ends the rest before the next push. */
  #hurry: (() => void) | undefined
  #draining: Promise<void> | undefined
  #closing: Promise<void> | undefined
  readonly #waiting: { until: number; resolve: () => void }[] = []
  readonly #closed = new AbortController()

  constructor(settings: Settings) {
    this.#settings = settings
    this.#logger = settings.logger ?? defaultLogger('warn')
    this.#keys = queueKeys(settings.prefix)
    this.#marker = `${this.#keys.tag}:producer:${randomUUID()}`
  }

  push(lines: readonly EventLine[]): void {
    for (const line of lines) {
      if (this.#closed.signal.aborted || !this.#buffer.add(line)) this.#drop()
    }
    if (this.#buffer.length > 0) this.#draining ??= this.#drain()
    if (this.#buffer.length >= MOST_PER_PUSH) this.#hurry?.()
  }

  async flush(): Promise<void> {
    const until = this.#buffer.taken + this.#buffer.length
    if (this.#buffer.settled >= until || this.#closed.signal.aborted) return
    await new Promise<void>((resolve) => {
      this.#waiting.push({ until, resolve })
      this.#hurry?.()
    })
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    const deadline = new AbortController()
    await Promise.race([this.flush(), delay(CLOSE_MS, undefined, { signal: deadline.signal }).catch(ignoreAbort)])
    deadline.abort()
    this.#closed.abort()
    const left = this.#buffer.clear()
    this.#wake(Number.POSITIVE_INFINITY)
    if (left > 0) {
      const error = new AuditError('AUDIT_CLOSE_INCOMPLETE', { count: left, ms: CLOSE_MS })
      this.#logger.error({ code: error.code, count: left }, error.message)
    }
    this.#redis?.disconnect()
    await this.#draining
  }

  #drop(): void {
    this.#dropped += 1
    if (this.#dropped === 1 || this.#dropped % 10_000 === 0) {
      const closed = this.#closed.signal.aborted
      const error = new AuditError(closed ? 'AUDIT_CLOSED' : 'AUDIT_BUFFER_FULL', { count: this.#dropped })
      this.#logger.error({ code: error.code, dropped: this.#dropped }, error.message)
    }
  }

  /** Pushes until the buffer is empty. Begins with the next turn, so that all of this turn goes in one push. */
  async #drain(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve))
    hold(this.#redis, true)
    while (this.#buffer.length > 0) {
      await this.#rest()
      if (this.#closed.signal.aborted) break
      this.#pushedAt = performance.now()
      const lines = this.#buffer.take(MOST_PER_PUSH)
      this.#number += 1
      await this.#deliver(lines, this.#number)
      if (!this.#closed.signal.aborted) this.#buffer.settle()
      this.#wake(this.#buffer.settled)
    }
    this.#draining = undefined
    hold(this.#redis, false)
  }

  /** Waits until the last push is `PACE_MS` ago, unless there is enough for a full one or somebody waits for it. */
  async #rest(): Promise<void> {
    const ms = this.#pushedAt + PACE_MS - performance.now()
    if (ms <= 0 || this.#buffer.length >= MOST_PER_PUSH || this.#waiting.length > 0) return
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms)
      this.#hurry = () => {
        clearTimeout(timer)
        resolve()
      }
    })
    this.#hurry = undefined
  }

  /** Ends the `flush()` calls whose lines have arrived. */
  #wake(settled: number): void {
    while (this.#waiting[0] !== undefined && this.#waiting[0].until <= settled) this.#waiting.shift()?.resolve()
  }

  /** Returns once the lines are on the list (or the producer was closed), however often Redis fails before. */
  async #deliver(lines: readonly EventLine[], number: number): Promise<void> {
    let unknown = false
    for (let attempt = 0; !this.#closed.signal.aborted; attempt += 1) {
      try {
        const redis = await this.#connected()
        if (unknown && Number((await redis.get(this.#marker)) ?? 0) >= number) return
        unknown = false
        await this.#append(redis, lines, number).catch((error) => {
          unknown = !isRefusal(error)
          throw error
        })
        return
      } catch (error) {
        if (attempt === 0) this.#say(error)
        const most = Math.min(RETRY_MS.first * 2 ** attempt, RETRY_MS.most)
        await delay(most * (0.5 + Math.random() / 2), undefined, { signal: this.#closed.signal }).catch(ignoreAbort)
      }
    }
  }

  async #append(redis: RedisClient, lines: readonly EventLine[], number: number): Promise<void> {
    const replies = await redis
      .multi()
      .rpush(this.#keys.pending, ...lines)
      .set(this.#marker, number, 'PX', MARKER_MS)
      .exec()
    for (const [error] of replies ?? []) if (error) throw error
  }

  /** A client that is ready for commands; throws while Redis cannot be reached. */
  async #connected(): Promise<RedisClient> {
    if (this.#redis === undefined) {
      // Reconnecting while nothing waits would keep a finished program alive for as long as Redis is gone.
      const retryStrategy = (attempt: number) => (this.#draining === undefined ? null : backoff(attempt))
      const redis = connectRedis(this.#settings, { ...PRODUCER_CONNECTION, retryStrategy }, this.#logger)
      redis.on('ready', () => hold(redis, this.#draining !== undefined))
      this.#redis = redis
      await redis.connect()
    } else if (this.#redis.status === 'end') {
      await this.#redis.connect()
    }
    return this.#redis
  }

  #say(cause: unknown): void {
    const error = new AuditError('AUDIT_PUSH_DELAYED', { cause: reasonOf(cause) })
    this.#logger.warn({ code: error.code, waiting: this.#buffer.length }, error.message)
  }
}

/** An answer of Redis itself (out of memory, read-only, wrong type): surely not applied. Anything else may have been. */
function isRefusal(error: unknown): boolean {
  return error instanceof Error && (error.name === 'ReplyError' || error.message.includes('enableOfflineQueue'))
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

/** An idle connection must not keep a finished program from exiting; one with a push under way must. */
function hold(redis: RedisClient | undefined, needed: boolean): void {
  if (redis === undefined || !('stream' in redis)) return
  const stream = redis.stream as { ref?: () => void; unref?: () => void } | undefined
  if (needed) stream?.ref?.()
  else stream?.unref?.()
}
