import { type Carrier, carrierOf } from './carrier'
import { hide, type JobLike, type JobToAdd, pack } from './job'
import type { Present } from './present'

/** What a queue or a flow producer adds jobs with. Never rejects or throws by itself. */
export interface Adding {
  /** Of the context as it stands; undefined outside of any. */
  present(): Present | Promise<Present> | undefined
  /** Of jobs that do not say one themselves. */
  sizeLimit: number | undefined
  /** What could not be carried. */
  fail(error: unknown): void
}

type Add = (...args: unknown[]) => Promise<unknown>

/** Adds with the jobs of `args` carrying the context as it stands. */
export function addCarrying(add: Add, args: readonly unknown[], adding: Adding): Promise<unknown> {
  const present = presentOf(adding)
  if (!(present instanceof Promise)) return uncovered(add(...carrying(args, present, adding)))
  // As BullMQ would write it now: the caller may go on to change the data while the organisation is loaded.
  const now = snapshot(args)
  const found = present.catch((error: unknown): Present => {
    adding.fail(error)
    return {}
  })
  return found.then((known) => uncovered(add(...carrying(now, known, adding))))
}

function presentOf(adding: Adding): Present | Promise<Present> | undefined {
  try {
    return adding.present()
  } catch (error) {
    adding.fail(error)
    // There is a context, of which nothing is known: not the same as none.
    return {}
  }
}

/** `queue.add(name, data, opts)`, `flow.add(node, …)`, `queue.addBulk(jobs)`, `flow.addBulk(nodes)`. */
function carrying(args: readonly unknown[], present: Present | undefined, adding: Adding): readonly unknown[] {
  try {
    const [first, second, third] = args
    const carrier = () => present && carrierOf(present)
    if (typeof first === 'string') {
      const { data, opts } = pack({ data: second, opts: third }, carrier(), adding.sizeLimit)
      return [first, data, opts, ...args.slice(3)]
    }
    const packedFirst = Array.isArray(first)
      ? first.map((one) => node(one, carrier, adding))
      : node(first, carrier, adding)
    return [packedFirst, ...args.slice(1)]
  } catch (error) {
    // A getter in the data throws: BullMQ is going to meet it too, and tells the caller.
    adding.fail(error)
    return args
  }
}

function node(given: unknown, carrier: () => Carrier | undefined, adding: Adding): unknown {
  if (typeof given !== 'object' || given === null) return given
  const { children } = given as JobToAdd
  const inside = Array.isArray(children)
    ? { children: children.map((child) => node(child, carrier, adding)) }
    : undefined
  return { ...given, ...pack(given, carrier(), adding.sizeLimit), ...inside }
}

/** The job, the jobs or the trees of jobs that the caller gets show the data as it was given. */
async function uncovered(added: Promise<unknown>): Promise<unknown> {
  const result = await added
  for (const one of Array.isArray(result) ? result : [result]) uncover(one)
  return result
}

function uncover(added: unknown): void {
  if (typeof added !== 'object' || added === null) return
  const { job, children } = added as { job?: unknown; children?: unknown }
  if (typeof job === 'object' && job !== null) hide(job as JobLike)
  else hide(added as JobLike)
  if (Array.isArray(children)) children.forEach(uncover)
}

function snapshot(args: readonly unknown[]): readonly unknown[] {
  try {
    return args.map((arg) => (arg === undefined ? undefined : JSON.parse(JSON.stringify(arg))))
  } catch {
    // It cannot be written at all, and BullMQ is going to say so.
    return args
  }
}
