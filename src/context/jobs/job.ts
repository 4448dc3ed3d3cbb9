import { type Carrier, KEY } from './carrier'

/** What is used of a job of BullMQ; structural, so that nothing here loads BullMQ. */
export interface JobLike {
  id?: string | undefined
  name: string
  data: unknown
  opts: object
  queueName?: string
  repeatJobKey?: string | undefined
  updateData(data: never): Promise<unknown>
}

/** A job as it is given to `addBulk`, or a node of a flow. */
export interface JobToAdd {
  data?: unknown
  opts?: unknown
  children?: unknown
}

/**
 * The data and options of a job, carrying a context; without one, what stands under the key in either is taken off,
 * since it can only be a forgery or the leftover of another job.
 */
export function pack({ data, opts }: JobToAdd, carrier: Carrier | undefined, sizeLimit?: number): JobToAdd {
  const inData = data === undefined || holdsKeys(data)
  if (carrier === undefined) return { data: inData ? without(data) : data, opts: without(opts) }
  if (!inData) return { data, opts: { ...(opts as object), [KEY]: carrier } }
  const limit = (opts as { sizeLimit?: number } | undefined)?.sizeLimit ?? sizeLimit
  // The application's bound is for its own data.
  const room = limit && { sizeLimit: limit + Buffer.byteLength(JSON.stringify({ [KEY]: carrier })) }
  return {
    data: { ...(data as object | undefined), [KEY]: carrier },
    opts: { ...(opts as object), ...(room || undefined), [KEY]: carrier.mark },
  }
}

/** What is under the key in the data and in the options of a job. */
export function packed(job: JobLike): { inData: unknown; inOptions: unknown } {
  return { inData: under(job.data), inOptions: under(job.opts) }
}

/**
 * Takes the key out of a job's data as the application sees it, but keeps it in Redis when the application writes new
 * data: a job that is tried again after `updateData` is still on behalf of the same actor.
 */
export function hide(job: JobLike): void {
  const carrier = under(job.data)
  if (carrier === undefined) return
  job.data = without(job.data)
  const update = job.updateData as (data: unknown) => Promise<unknown>
  const shown = (kept: unknown, data: unknown): void => {
    if (job.data === kept) job.data = data
  }
  job.updateData = function (this: unknown, data: unknown): Promise<unknown> {
    const kept = holdsKeys(data) ? { ...(data as object), [KEY]: carrier } : data
    const updated = update.call(this, kept)
    shown(kept, data)
    // In a sandbox the data is only set once the parent process was told.
    return updated.then((result) => {
      shown(kept, data)
      return result
    })
  }
}

/** Whether a copy with one more key becomes the same JSON: not so of lists, texts, and what has a `toJSON` of its own. */
function holdsKeys(data: unknown): boolean {
  if (typeof data !== 'object' || data === null || Array.isArray(data)) return false
  if (data instanceof String || data instanceof Number || data instanceof Boolean) return false
  return typeof (data as { toJSON?: unknown }).toJSON !== 'function'
}

function under(holder: unknown): unknown {
  return typeof holder === 'object' && holder !== null && Object.hasOwn(holder, KEY)
    ? (holder as Record<string, unknown>)[KEY]
    : undefined
}

function without(holder: unknown): unknown {
  if (under(holder) === undefined) return holder
  const { [KEY]: _, ...rest } = holder as Record<string, unknown>
  return rest
}
