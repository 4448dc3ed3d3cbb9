import { createHash } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import {
  CloudWatchLogsClient,
  CreateLogGroupCommand,
  CreateLogStreamCommand,
  GetLogEventsCommand,
  PutLogEventsCommand,
  PutRetentionPolicyCommand,
} from '@aws-sdk/client-cloudwatch-logs'
import { AuditError } from '../config/errors'
import { defaultLogger, type Logger } from '../config/logger'
import type { WorkerSettings } from '../config/settings'
import { StreamHealth } from './breaker'
import type { Where } from './denied'
import type { Entry } from './entry'
import { NO_METRICS, type WorkerMetrics } from './metrics'
import { punctualAgents } from './punctual-agents'
import { BodyBuffers, putBody } from './put-body'
import { outcomeOfAnswer, outcomeOfError, type PutOutcome } from './put-outcome'

/**
 * The SDK as the worker uses it: no retries of its own (they would hide duplicates), and a request that gets no answer
 * ends as an error instead of a warning.
 */
export function createClient(settings: WorkerSettings): CloudWatchLogsClient {
  const { region, endpoint, credentials } = settings
  return new CloudWatchLogsClient({
    maxAttempts: 1,
    requestHandler: {
      connectionTimeout: 5_000,
      requestTimeout: settings.worker.requestTimeoutMs,
      throwOnRequestTimeout: true,
      ...punctualAgents(settings.worker.requestTimeoutMs),
    },
    ...(region !== undefined && { region }),
    ...(endpoint !== undefined && { endpoint }),
    // A copy, because the SDK writes into the object and ours is frozen.
    ...(credentials !== undefined && {
      credentials: typeof credentials === 'function' ? credentials : { ...credentials },
    }),
  })
}

/** What AWS's whole seconds and the way of an answer add: no reason to doubt the clock of this machine. */
const CLOCK_NOISE_MS = 10_000

/** A call that failed while group or stream were made; its name says which permission it needs. */
export class CreateError extends Error {
  readonly operation: 'CreateLogGroup' | 'CreateLogStream'

  constructor(operation: CreateError['operation'], cause: unknown) {
    super(`${operation} failed`, { cause })
    this.operation = operation
  }
}

/** What the SDK says of a body that is written as `putBody` writes it. */
const JSON_PROTOCOL = 'application/x-amz-json-1.1'

class OtherProtocol extends Error {}

/** The one log stream that events go to. */
export class Destination {
  /** Tells log streams apart without naming them: a URL may hold a password. */
  /** Shared by all that is sent to the stream. */
  readonly health: StreamHealth
  readonly where: Where
  readonly #client: CloudWatchLogsClient
  readonly #name: { readonly logGroupName: string; readonly logStreamName: string }
  readonly #bodies = new BodyBuffers()
  readonly #retentionInDays: number | undefined
  readonly #timeoutMs: number
  readonly #metrics: WorkerMetrics
  readonly #logger: Logger
  /** Until the SDK turns out to speak another protocol than the one that `putBody` writes. */
  #writesBodies = true
  #creating: Promise<void> | undefined
  #createdAt = Number.NEGATIVE_INFINITY

  constructor(
    client: CloudWatchLogsClient,
    settings: WorkerSettings,
    metrics: WorkerMetrics = NO_METRICS,
    logger: Logger = settings.logger ?? defaultLogger('info'),
  ) {
    const { groupName, streamName, region = '', endpoint = '' } = settings
    this.#client = client
    this.#metrics = metrics
    this.#logger = logger
    this.#timeoutMs = settings.worker.requestTimeoutMs
    this.#name = { logGroupName: groupName, logStreamName: streamName }
    this.#retentionInDays = settings.retentionDays
    this.where = { group: groupName, stream: streamName, region: region || 'of the SDK' }
    const identity = JSON.stringify([region, endpoint, groupName, streamName])
    this.health = new StreamHealth(createHash('sha256').update(identity).digest('hex').slice(0, 16))
  }

  /** Gives the connections back. */
  close(): void {
    this.#client.destroy()
  }

  /** AWS's time as far as it is known: the SDK measures how far this machine is off, to the second. */
  now(): number {
    const offset = this.#client.config.systemClockOffset ?? 0
    return Date.now() + (Math.abs(offset) > CLOCK_NOISE_MS ? offset : 0)
  }

  /** One call; never throws, and ends within the time limit whatever the connection does. Entries sorted by time. */
  async put(entries: readonly Entry[], signal: AbortSignal): Promise<PutOutcome> {
    const asked = performance.now()
    const body = this.#writesBodies ? putBody(this.#name, entries, this.#bodies) : undefined
    // The SDK's own limit ends with the head of the answer; a body that never comes would hold the lease for ever.
    const limit = new AbortController()
    const abortSignal = AbortSignal.any([signal, limit.signal])
    try {
      const logEvents = body === undefined ? entries.map(({ timestamp, line }) => ({ timestamp, message: line })) : []
      const command = new PutLogEventsCommand({ ...this.#name, logEvents })
      if (body !== undefined) this.#giveBody(command, body)
      // The last step before the wire. A process that was stopped since `asked` for longer than a call may take has lost
      // its lease, and its successor may have stored these events: no timer of its own has run before it goes on here.
      command.middlewareStack.add(
        (next) => (args) => {
          if (performance.now() - asked > this.#timeoutMs) throw timedOut(this.#timeoutMs)
          return next(args)
        },
        { step: 'finalizeRequest', priority: 'low', name: 'notTooLate' },
      )
      const call = this.#client.send(command, { abortSignal })
      const late = this.#limit(limit.signal)
      call.catch(() => undefined) // When the limit wins, nobody else waits for it.
      const answer = await Promise.race([call, late])
      if (body !== undefined) this.#bodies.giveBack(body)
      return outcomeOfAnswer(answer, entries.length)
    } catch (error) {
      // Nothing was sent: from now on the SDK writes the bodies itself.
      return error instanceof OtherProtocol ? await this.put(entries, signal) : outcomeOfError(error)
    } finally {
      limit.abort()
      const bytes = entries.reduce((sum, entry) => sum + entry.bytes, 0)
      this.#metrics.batch({ events: entries.length, bytes, ms: performance.now() - asked })
    }
  }

  #giveBody(command: PutLogEventsCommand, body: Buffer): void {
    // Before anything is derived from the body: its length, its hash, the signature.
    command.middlewareStack.add(
      (next) => (args) => {
        const request = args.request as { headers: Record<string, string>; body: unknown }
        if (request.headers['content-type'] !== JSON_PROTOCOL) {
          this.#writesBodies = false
          throw new OtherProtocol()
        }
        request.body = body
        return next(args)
      },
      { step: 'build', priority: 'high', name: 'readyBody' },
    )
  }

  async #limit(signal: AbortSignal): Promise<never> {
    await delay(this.#timeoutMs, undefined, { signal, ref: false }).catch(() => undefined)
    throw timedOut(this.#timeoutMs)
  }

  /**
   * Makes the stream, and the group where that is missing too. However many batches ask, it is done once: for those that
   * ask at once, and for those whose call was already under way (`askedAt`, by `performance.now()`) when it was done.
   *
   * @throws CreateError
   */
  create(askedAt = Number.POSITIVE_INFINITY): Promise<void> {
    if (this.#creating === undefined && askedAt < this.#createdAt) return Promise.resolve()
    this.#creating ??= this.#create()
      .then(() => {
        this.#createdAt = performance.now()
      })
      .finally(() => {
        this.#creating = undefined
      })
    return this.#creating
  }

  async #create(): Promise<void> {
    if (await this.#createStream()) return
    const { logGroupName } = this.#name
    const made = await this.#make('CreateLogGroup', this.#client.send(new CreateLogGroupCommand({ logGroupName })))
    if (made && this.#retentionInDays !== undefined) await this.#retain(this.#retentionInDays)
    await this.#createStream()
  }

  /** Events matter more than their retention: without it they are kept for ever, and an operator can still set it. */
  async #retain(retentionInDays: number): Promise<void> {
    const { logGroupName } = this.#name
    try {
      await this.#client.send(new PutRetentionPolicyCommand({ logGroupName, retentionInDays }))
    } catch (cause) {
      const details = { days: retentionInDays, group: logGroupName, cause: String(cause) }
      const error = new AuditError('AUDIT_RETENTION_NOT_SET', details, { cause })
      this.#logger.error({ code: error.code }, error.message)
    }
  }

  /** False when the group is missing. */
  async #createStream(): Promise<boolean> {
    try {
      await this.#make('CreateLogStream', this.#client.send(new CreateLogStreamCommand(this.#name)))
      return true
    } catch (error) {
      if (error instanceof CreateError && isNamed(error.cause, 'ResourceNotFoundException')) return false
      throw error
    }
  }

  /** True when the call made the thing, false when it was there already (another worker was faster). */
  async #make(operation: CreateError['operation'], call: Promise<unknown>): Promise<boolean> {
    try {
      await call
      return true
    } catch (error) {
      if (isNamed(error, 'ResourceAlreadyExistsException')) return false
      throw new CreateError(operation, error)
    }
  }

  /**
   * Reads the messages stored from `firstMs` to `lastMs`, both included, until there are no more or `onMessages` says
   * that it has seen enough. A missing stream holds none.
   */
  async read(firstMs: number, lastMs: number, onMessages: (messages: string[]) => 'more' | 'enough'): Promise<void> {
    const window = { startTime: firstMs, endTime: lastMs + 1, startFromHead: true, limit: 10_000 }
    let nextToken: string | undefined
    try {
      // An empty page is not the end; the end is a token that repeats.
      for (;;) {
        const page = await this.#client.send(
          new GetLogEventsCommand({ ...this.#name, ...window, ...(nextToken !== undefined && { nextToken }) }),
        )
        if (onMessages((page.events ?? []).map(({ message }) => message ?? '')) === 'enough') return
        if (page.nextForwardToken === undefined || page.nextForwardToken === nextToken) return
        nextToken = page.nextForwardToken
      }
    } catch (error) {
      if (!isNamed(error, 'ResourceNotFoundException')) throw error
    }
  }
}

function isNamed(error: unknown, name: string): boolean {
  return error instanceof Error && error.name === name
}

function timedOut(ms: number): Error {
  return Object.assign(new Error(`no complete answer within ${ms} ms`), { name: 'TimeoutError' })
}
