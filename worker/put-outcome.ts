import type { PutLogEventsCommandOutput } from '@aws-sdk/client-cloudwatch-logs'
import { type DeniedWhy, deniedWhy } from './denied'
import { retryAfterMs } from './retry-after'

/** Which entries CloudWatch says that it did not store: those before the ends and those from the start on. */
export interface RejectedIndices {
  /** Exclusive. */
  readonly tooOldEnd: number
  /** Exclusive. */
  readonly expiredEnd: number
  /** Inclusive. */
  readonly tooNewStart: number
}

/** What is known after one PutLogEvents call. Only `unknown` leaves open whether the events are stored. */
export type PutOutcome =
  | { readonly kind: 'stored' }
  | ({ readonly kind: 'partly' } & RejectedIndices)
  /** Group or stream do not exist. Nothing was stored. */
  | { readonly kind: 'missing' }
  /** Not taken now; nothing was stored. `unreachable`: the connection was never made. */
  | { readonly kind: 'later'; readonly afterMs: number; readonly cause: string; readonly unreachable: boolean }
  /** This batch will never be taken as it is; nothing was stored. */
  | { readonly kind: 'refused'; readonly cause: string }
  /** Credentials, permissions, region: a person must act. Nothing was stored. */
  | { readonly kind: 'denied'; readonly why: DeniedWhy; readonly cause: string }
  /** The answer was lost or is unreadable. */
  | { readonly kind: 'unknown'; readonly afterMs: number; readonly cause: string }

const LATER = /throttl|toomanyrequests|requestlimit|slowdown|limitexceeded|operationaborted|invalidsequencetoken/i
const REFUSED = /^(InvalidParameter(Exception)?|ValidationException|SerializationException|RequestEntityTooLarge.*)$/
/** The connection was never made, so nothing can have been stored. */
const UNREACHABLE = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH'])

/** Reads an accepted call. Index 0 is a value, not absence. */
export function outcomeOfAnswer(answer: PutLogEventsCommandOutput, count: number): PutOutcome {
  const info = answer.rejectedLogEventsInfo
  if (info === undefined || info === null) return { kind: 'stored' }
  return {
    kind: 'partly',
    tooOldEnd: info.tooOldLogEventEndIndex ?? 0,
    expiredEnd: info.expiredLogEventEndIndex ?? 0,
    tooNewStart: info.tooNewLogEventStartIndex ?? count,
  }
}

/** Reads a failed call. Whatever is not known for certain to have stored nothing is `unknown`. */
export function outcomeOfError(error: unknown): PutOutcome {
  const { name, message, code, status, afterMs } = factsOf(error)
  const cause = `${name}: ${message}`
  if (name === 'ResourceNotFoundException') return { kind: 'missing' }
  // An answer that is no JSON comes from something between us and AWS, whatever its status says.
  if (name === 'SyntaxError') return { kind: 'unknown', afterMs, cause }
  if (LATER.test(name) || status === 429) return { kind: 'later', afterMs, cause, unreachable: false }
  const why = deniedWhy(name, message)
  if (why !== undefined) return { kind: 'denied', why, cause }
  if (REFUSED.test(name) || status === 413) return { kind: 'refused', cause }
  if (UNREACHABLE.has(code)) return { kind: 'later', afterMs: 0, cause: `${code}: ${message}`, unreachable: true }
  // An old answer of AWS to a batch that it has, and what a proxy says that gave up waiting: the read-back finds out.
  if (name === 'DataAlreadyAcceptedException' || status === 408 || status === 499) {
    return { kind: 'unknown', afterMs, cause }
  }
  if (status >= 400 && status < 500) return { kind: 'denied', why: 'permission', cause }
  return { kind: 'unknown', afterMs, cause }
}

interface Facts {
  readonly name: string
  readonly message: string
  readonly code: string
  readonly status: number
  readonly afterMs: number
}

function factsOf(error: unknown): Facts {
  if (!(error instanceof Error)) return { name: 'Error', message: String(error), code: '', status: 0, afterMs: 0 }
  const { $metadata, $response, code } = error as Error & {
    $metadata?: { httpStatusCode?: number }
    $response?: { statusCode?: number; headers?: Record<string, string> }
    code?: unknown
  }
  return {
    name: error.name,
    message: error.message,
    code: typeof code === 'string' ? code : '',
    status: $metadata?.httpStatusCode ?? $response?.statusCode ?? 0,
    afterMs: retryAfterMs($response?.headers?.['retry-after']),
  }
}
