import {
  CloudWatchLogsClient,
  CreateLogGroupCommand,
  CreateLogStreamCommand,
  GetLogEventsCommand,
  PutLogEventsCommand,
  PutRetentionPolicyCommand,
} from '@aws-sdk/client-cloudwatch-logs'
import type { WorkerSettings } from '../config/settings'
import type { Entry } from './batch'
import { outcomeOfAnswer, outcomeOfError, type PutOutcome } from './put-outcome'
import { readEvent } from './read-event'

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
    },
    ...(region !== undefined && { region }),
    ...(endpoint !== undefined && { endpoint }),
    // A copy, because the SDK writes into the object and ours is frozen.
    ...(credentials !== undefined && {
      credentials: typeof credentials === 'function' ? credentials : { ...credentials },
    }),
  })
}

/** The one log stream that events go to. */
export class Destination {
  readonly #client: CloudWatchLogsClient
  readonly #name: { readonly logGroupName: string; readonly logStreamName: string }
  readonly #retentionInDays: number | undefined
  #creating: Promise<void> | undefined

  constructor(client: CloudWatchLogsClient, settings: WorkerSettings) {
    this.#client = client
    this.#name = { logGroupName: settings.groupName, logStreamName: settings.streamName }
    this.#retentionInDays = settings.retentionDays
  }

  /** One call; never throws. `entries` are sorted by time. */
  async put(entries: readonly Entry[], signal: AbortSignal): Promise<PutOutcome> {
    const logEvents = entries.map(({ timestamp, line }) => ({ timestamp, message: line }))
    try {
      const command = new PutLogEventsCommand({ ...this.#name, logEvents })
      return outcomeOfAnswer(await this.#client.send(command, { abortSignal: signal }), entries.length)
    } catch (error) {
      return outcomeOfError(error)
    }
  }

  /** Makes the stream, and the group where that is missing too. However many batches ask at once, it is done once. */
  create(): Promise<void> {
    this.#creating ??= this.#create().finally(() => {
      this.#creating = undefined
    })
    return this.#creating
  }

  async #create(): Promise<void> {
    if (await this.#createStream()) return
    const made = await unlessExists(
      this.#client.send(new CreateLogGroupCommand({ logGroupName: this.#name.logGroupName })),
    )
    if (made && this.#retentionInDays !== undefined) {
      const { logGroupName } = this.#name
      await this.#client.send(new PutRetentionPolicyCommand({ logGroupName, retentionInDays: this.#retentionInDays }))
    }
    await unlessExists(this.#client.send(new CreateLogStreamCommand(this.#name)))
  }

  /** False when the group is missing. */
  async #createStream(): Promise<boolean> {
    try {
      await unlessExists(this.#client.send(new CreateLogStreamCommand(this.#name)))
      return true
    } catch (error) {
      if (isNamed(error, 'ResourceNotFoundException')) return false
      throw error
    }
  }

  /** The ids of the events stored from `firstMs` to `lastMs`, both included. A missing stream holds none. */
  async storedIds(firstMs: number, lastMs: number): Promise<Set<string>> {
    const ids = new Set<string>()
    let nextToken: string | undefined
    try {
      // An empty page is not the end; the end is a token that repeats.
      for (;;) {
        const window = { startTime: firstMs, endTime: lastMs + 1, startFromHead: true, limit: 10_000 }
        const page = await this.#client.send(
          new GetLogEventsCommand({ ...this.#name, ...window, ...(nextToken !== undefined && { nextToken }) }),
        )
        for (const { message } of page.events ?? []) {
          const read = readEvent(message ?? '')
          if (read.kind === 'event') ids.add(read.id)
        }
        if (page.nextForwardToken === undefined || page.nextForwardToken === nextToken) return ids
        nextToken = page.nextForwardToken
      }
    } catch (error) {
      if (isNamed(error, 'ResourceNotFoundException')) return ids
      throw error
    }
  }
}

/** True when the call made the thing, false when it was there already (another worker was faster). */
async function unlessExists(call: Promise<unknown>): Promise<boolean> {
  try {
    await call
    return true
  } catch (error) {
    if (isNamed(error, 'ResourceAlreadyExistsException')) return false
    throw error
  }
}

function isNamed(error: unknown, name: string): boolean {
  return error instanceof Error && error.name === name
}
