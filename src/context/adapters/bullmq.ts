import { globalLogger } from '../../default-logger'
import { problemOf, Reports } from '../../report'
import { type AuditContext, runInNewContext } from '../context'
import { type Adding, addCarrying } from '../jobs/add'
import { type Carried, readCarrier } from '../jobs/carrier'
import { hide, type JobLike, packed } from '../jobs/job'
import { type MethodDecorator, methodDecorator } from '../jobs/method-decorator'
import type { JobContextOptions } from '../jobs/options'

export type { JobContextOptions } from '../jobs/options'

/** A `Queue` or `FlowProducer` of BullMQ, or what has their methods. */
export interface AddsJobs {
  add(...args: never[]): Promise<unknown>
  addBulk(...args: never[]): Promise<unknown>
}

const audited = new WeakSet<object>()
/** Read once: the second to wrap a job's processor (by hand, and the module of NestJS) finds the key taken off. */
const read = new WeakMap<object, AuditContext>()

/**
 * Has every job that this queue or flow producer adds carry the context it is added in: the actor as an event would
 * show it, with the organisation, the request's id and the trace id. Changes the object that it is given, and returns
 * it. What is made by a job scheduler carries nothing, because nobody asks for it at the time.
 *
 * @example
 * const queue = auditQueue(new Queue('mail', { connection }))
 */
export function auditQueue<Q extends AddsJobs>(queue: Q, { audit }: JobContextOptions = {}): Q {
  if (audited.has(queue)) return queue
  audited.add(queue)
  const reports = new Reports(audit?.settings.logger)
  const adding: Adding = {
    present: () => (audit ?? globalLogger())?.present(),
    get sizeLimit() {
      return (queue as { jobsOpts?: { sizeLimit?: number } }).jobsOpts?.sizeLimit
    },
    fail: (error) => reports.report('AUDIT_CAPTURE_FAILED', { problem: problemOf(error) }, 'job'),
  }
  for (const name of ['add', 'addBulk'] as const) {
    const add = queue[name].bind(queue) as (...args: unknown[]) => Promise<unknown>
    // Its own property, over the one of its class.
    const value = (...args: unknown[]) => addCarrying(add, args, adding)
    Object.defineProperty(queue, name, { value, configurable: true, writable: true })
  }
  return queue
}

/**
 * Runs a processor of BullMQ in the context that its job carries, with the entry point `job`; a job that carries none
 * runs as the system's own. The processor sees the job's data as it was given to `add`.
 *
 * @example
 * new Worker('mail', auditProcessor(async (job) => send(job.data)), { connection })
 */
export function auditProcessor<This, Job extends JobLike, Rest extends unknown[], Result>(
  processor: (this: This, job: Job, ...rest: Rest) => Result,
  { audit }: JobContextOptions = {},
): (this: This, job: Job, ...rest: Rest) => Result {
  const reports = new Reports(audit?.settings.logger)
  function inContext(this: This, job: Job, ...rest: Rest): Result {
    const context = read.get(job) ?? contextOf(job, reports)
    read.set(job, context)
    return runInNewContext(context, () => processor.call(this, job, ...rest))
  }
  // BullMQ asks how many parameters a processor has, to know whether it takes a signal.
  Object.defineProperty(inContext, 'length', { value: processor.length })
  return Object.defineProperty(inContext, 'name', { value: processor.name })
}

/**
 * The same for a method, such as `process` of a `WorkerHost` of `@nestjs/bullmq`. Not needed below `AuditModule`, which
 * does it for all of them.
 *
 * @example
 * @AuditJob()
 * async process(job: Job): Promise<void> { … }
 */
export function AuditJob(options: JobContextOptions = {}): MethodDecorator {
  return methodDecorator((method) => auditProcessor(method as (job: JobLike) => unknown, options) as typeof method)
}

function contextOf(job: JobLike, reports: Reports): AuditContext {
  const { user, impersonator, requestId, traceId } = carriedBy(job, reports)
  return {
    user,
    ...(impersonator !== undefined && { impersonator }),
    entryPoint: 'job',
    request: requestId === undefined ? undefined : { id: requestId },
    traceId,
    extra: { job: { queue: job.queueName, name: job.name, id: job.id } },
  }
}

/** A job must run, and its events be made, whatever is in Redis. */
function carriedBy(job: JobLike, reports: Reports): Carried {
  const { inData, inOptions } = packed(job)
  hide(job)
  // A schedule has no actor, whoever set it up, and whatever stands in its template.
  if (job.repeatJobKey) return { user: null }
  const carried = readCarrier(inData, inOptions)
  if (carried.problem !== undefined) {
    const details = { job: job.id, queue: job.queueName, problem: carried.problem }
    reports.report('AUDIT_JOB_CONTEXT_INVALID', details, carried.problem)
  }
  return carried
}
