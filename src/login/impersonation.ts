import { contextNode, runWithContext, updateContext } from '../context/context'
import { isThenable } from '../context/organisation-path'
import { copyOwn, member } from '../event/copy-own'
import type { EventLogger, LogFields } from '../event-logger'
import { type Sender, sendEvent } from '../send-log'
import { aboutUser, fromContext, isNobody } from './login'

/** IMPERSONATION_STARTED: from here on somebody acts in the name of `user`. Who does is the event's user. */
export function logImpersonationStarted(sender: Sender, user: unknown, extra?: unknown): void {
  record(sender, 'logImpersonationStarted', 'IMPERSONATION_STARTED', user, extra)
}

/** IMPERSONATION_ENDED. Without a `user`, it is the context's that was impersonated. */
export function logImpersonationEnded(sender: Sender, user: unknown, extra?: unknown): void {
  const whose = isNobody(user) && !isNobody(fromContext('impersonator')) ? fromContext('user') : user
  record(sender, 'logImpersonationEnded', 'IMPERSONATION_ENDED', whose, extra)
}

function record(sender: Sender, method: string, action: string, whose: unknown, extra: unknown): void {
  const by = member(extra, 'user') ?? whoReallyActs()
  const problem = isNobody(whose) ? 'no user was given' : isNobody(by) ? 'nobody is known who does it' : undefined
  const { fields, known } = aboutUser(sender, 'impersonated', whose, extra)
  sendEvent(sender, { method, action, fields, problem, known: { user: by ?? null, impersonator: null, ...known } })
}

/** Who takes on another account while in another's already is still the same person. */
function whoReallyActs(): unknown {
  return fromContext('impersonator') ?? fromContext('user')
}

type Marks = Pick<EventLogger, 'logImpersonationStarted' | 'logImpersonationEnded'>

/** Runs `fn` as `user`, between the two events, the second also when it fails. Returns what `fn` returns. */
export function impersonateWhile<T>(marks: Marks, user: unknown, fn: () => T, extra?: LogFields): T {
  const impersonator = whoReallyActs()
  const fields = { ...copyOwn(extra), user: member(extra, 'user') ?? impersonator }
  const end = () => marks.logImpersonationEnded(user, fields)
  marks.logImpersonationStarted(user, fields)
  let result: T
  try {
    result = runWithContext({ user, impersonator: fields.user }, fn)
  } catch (error) {
    end()
    throw error
  }
  if (isThenable(result)) return endAfter(result, end) as T
  end()
  return result
}

function endAfter(result: PromiseLike<unknown>, end: () => void): PromiseLike<unknown> {
  return result.then(
    (value) => {
      end()
      return value
    },
    (error: unknown) => {
      end()
      throw error
    },
  )
}

/** The running context acts as `user` from here on, until the returned function is called. */
export function impersonateFromHere(marks: Marks, user: unknown, extra?: LogFields): () => void {
  const set = contextNode()?.set ?? {}
  const before = { user: set.user, impersonator: set.impersonator }
  const fields = { ...copyOwn(extra), user: member(extra, 'user') ?? whoReallyActs() }
  marks.logImpersonationStarted(user, fields)
  updateContext({ user, impersonator: fields.user })
  let ended = false
  return () => {
    if (ended) return
    ended = true
    // What was given, such as the getter of a request, is in force again where nothing was set.
    for (const field of ['user', 'impersonator'] as const) {
      if (before[field] === undefined) delete set[field]
      else set[field] = before[field]
    }
    marks.logImpersonationEnded(user, fields)
  }
}
