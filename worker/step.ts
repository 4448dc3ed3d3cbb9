/**
 * The named points of a flush, in the order in which a batch meets them. What is true in Redis and at CloudWatch at
 * each of them is what a crash there leaves behind.
 *
 * - `acquired`: the lease is held, nothing was read or changed.
 * - `readmitted`: deferred events that were due are on the pending list again.
 * - `peeked`: a batch was read; nothing says so in Redis.
 * - `marked`: Redis knows that the batch may be stored from now on; no call was made.
 * - `sent`: a PutLogEvents call is under way; whether it takes effect is open.
 * - `answered`: its answer is known to this process only.
 * - `unknown`: the answer left open whether the events are stored; the stream was not read back yet.
 * - `reconciled`: the stream was read back, the absent events are known to this process only.
 * - `stamped`: Redis knows that events too old for CloudWatch are about to be sent with the current time.
 * - `settling`: the outcome of the whole batch is known; Redis does not know it yet.
 * - `settled`: the batch has left the pending list.
 * - `draining`: nothing is in flight any more; the lease is about to be given back.
 */
export type Step =
  | 'acquired'
  | 'readmitted'
  | 'peeked'
  | 'marked'
  | 'sent'
  | 'answered'
  | 'unknown'
  | 'reconciled'
  | 'stamped'
  | 'settling'
  | 'settled'
  | 'draining'

/**
 * Called at each step, and waited for: the seam at which tests kill, stop or delay a worker. Not a setting; a worker in
 * production has none.
 */
export type OnStep = (step: Step) => void | Promise<void>

export const noStep: OnStep = () => undefined
