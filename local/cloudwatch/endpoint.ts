import type { IncomingMessage, ServerResponse } from 'node:http'
import { type Call, summarise, withoutEvents } from './calls'
import type { Counts } from './counts'
import { AwsError, throttled } from './errors'
import { effectOf } from './fault-effects'
import { type Fault, Faults } from './faults'
import { Fields } from './fields'
import { operationNamed } from './operations'
import type { CloudWatchOptions } from './options'
import {
  checkSigned,
  errorReply,
  htmlReply,
  jsonReply,
  notJson,
  operationOf,
  type Reply,
  readBody,
  send,
  tryParse,
} from './protocol'
import { Quotas } from './quotas'
import type { RejectedLogEventsInfo } from './rejections'
import { putIntoSink } from './sink'
import { Store } from './store'

/** Answers requests: script of faults, quota, operation, and a line in the log of calls. */
export class Endpoint {
  readonly store: Store
  readonly faults = new Faults()
  readonly calls: Call[] = []
  readonly counts: Counts = { puts: 0, events: 0, bodyBytes: 0 }
  readonly #options: CloudWatchOptions
  readonly #now: () => number
  readonly #quotas: Quotas
  readonly #underWay = new Map<string, number>()
  readonly #timers = new Set<NodeJS.Timeout>()

  constructor(options: CloudWatchOptions) {
    this.#options = options
    this.#now = options.now ?? Date.now
    this.store = new Store(this.#now)
    this.#quotas = new Quotas(options.quotas, this.#now)
  }

  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.method === 'GET' && request.url === '/_local/counts') {
      return send(response, jsonReply(200, this.counts), this.#now())
    }
    const operation = operationOf(request)
    if (this.#options.sink && operation === 'PutLogEvents') return putIntoSink(request, response, this.counts)
    let bytes: Buffer
    try {
      bytes = await readBody(request)
    } catch {
      // The client went away in the middle of its request; there is nobody to answer and nothing happened.
      return
    }
    this.#answer(operation, request, bytes, response)
  }

  /** Forgets the answers that wait for their delay. */
  close(): void {
    for (const timer of this.#timers) clearTimeout(timer)
    this.#timers.clear()
  }

  #answer(operation: string, request: IncomingMessage, bytes: Buffer, response: ServerResponse): void {
    const body = tryParse(bytes)
    const fault = this.faults.take(operation, body)
    const call = this.#record(operation, body, fault, response)
    const effect = fault ? effectOf(fault, operation) : undefined
    // The operation happens before any delay, so that a client that gives up meanwhile has an unknown outcome.
    const normal = effect?.accepts === false ? undefined : this.#perform(operation, request, body, bytes, call)

    const finish = () => {
      const answer = effect?.answer ?? 'normal'
      if (answer === 'hang') return
      if (answer === 'reset') {
        call.answer = 'reset'
        request.socket.resetAndDestroy()
        return
      }
      if (answer instanceof AwsError) call.error = answer.name
      const reply = answer === 'html' ? htmlReply() : answer === 'normal' ? (normal as Reply) : errorReply(answer)
      call.answer = reply.status
      send(
        response,
        reply,
        this.#now(),
        fault?.retryAfter === undefined ? {} : { 'retry-after': `${fault.retryAfter}` },
      )
    }
    if (fault?.delayMs) this.#later(finish, fault.delayMs)
    else finish()
  }

  #perform(operation: string, request: IncomingMessage, body: unknown, bytes: Buffer, call: Call): Reply {
    try {
      const perform = operationNamed(operation)
      if (!perform) throw new AwsError('UnknownOperationException', `The operation ${operation} is not known.`)
      checkSigned(request)
      if (!this.#quotas.allow(operation)) throw throttled()
      if (body === undefined) throw notJson()
      const output = perform(new Fields(body), { store: this.store, options: this.#options })
      call.accepted = true
      if (call.put) this.#count(call, output, bytes)
      return jsonReply(200, output)
    } catch (error) {
      const known = error instanceof AwsError ? error : new AwsError('InternalFailure', `Stand-in: ${error}`, 500)
      call.error = known.name
      return errorReply(known)
    }
  }

  #count(call: Call, output: object, bytes: Buffer): void {
    const { rejectedLogEventsInfo: rejected } = output as { rejectedLogEventsInfo?: RejectedLogEventsInfo }
    if (rejected) call.rejected = rejected
    const count = call.put?.count ?? 0
    const from = Math.max(rejected?.tooOldLogEventEndIndex ?? 0, rejected?.expiredLogEventEndIndex ?? 0)
    this.counts.puts += 1
    this.counts.events += (rejected?.tooNewLogEventStartIndex ?? count) - from
    this.counts.bodyBytes += bytes.length
  }

  #record(operation: string, body: unknown, fault: Fault | undefined, response: ServerResponse): Call {
    const inFlight = (this.#underWay.get(operation) ?? 0) + 1
    this.#underWay.set(operation, inFlight)
    response.once('close', () => this.#underWay.set(operation, (this.#underWay.get(operation) ?? 1) - 1))
    const call: Call = {
      operation,
      at: this.#now(),
      input: withoutEvents(body),
      ...(operation === 'PutLogEvents' && { put: summarise(body) }),
      inFlight,
      ...(fault && { fault: fault.kind }),
      accepted: false,
      answer: 'pending',
    }
    this.calls.push(call)
    return call
  }

  #later(work: () => void, delayMs: number): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer)
      work()
    }, delayMs)
    this.#timers.add(timer)
  }
}
