import type { PutLogEventsCommandOutput } from '@aws-sdk/client-cloudwatch-logs'

/** What is known after one PutLogEvents call. Only `unknown` leaves open whether the events are stored. */
export type PutOutcome =
  | { readonly kind: 'stored' }
  /** Stored but for those before `tooOldEnd` and those from `tooNewStart` on. */
  | { readonly kind: 'partly'; readonly tooOldEnd: number; readonly expiredEnd: number; readonly tooNewStart: number }
  /** Group or stream do not exist. Nothing was stored. */
  | { readonly kind: 'missing' }
  /** Not taken now; nothing was stored. */
  | { readonly kind: 'later'; readonly afterMs: number; readonly cause: string }
  /** This batch will never be taken as it is; nothing was stored. */
  | { readonly kind: 'refused'; readonly cause: string }
  /** Credentials, permissions, region: a person must act. Nothing was stored. */
  | { readonly kind: 'denied'; readonly cause: string }
  /** The answer was lost or is unreadable. */
  | { readonly kind: 'unknown'; readonly cause: string }

const LATER = /throttl|toomanyrequests|requestlimit|slowdown|limitexceeded|operationaborted/i
const REFUSED = /^(InvalidParameter(Exception)?|ValidationException|SerializationException|RequestEntityTooLarge.*)$/
const DENIED =
  /accessdenied|unrecognizedclient|expiredtoken|invalidsignature|signaturedoesnotmatch|authentic|invalidclienttoken|incompletesignature|notauthorized|optinrequired|credentials|requestexpired/i
/** The connection was never made, so nothing can have been stored. */
const UNREACHABLE = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH'])

/** Reads an accepted call. Index 0 is a value, not absence. */
export function outcomeOfAnswer(answer: PutLogEventsCommandOutput, count: number): PutOutcome {
  const info = answer.rejectedLogEventsInfo
  if (info === undefined) return { kind: 'stored' }
  return {
    kind: 'partly',
    tooOldEnd: info.tooOldLogEventEndIndex ?? 0,
    expiredEnd: info.expiredLogEventEndIndex ?? 0,
    tooNewStart: info.tooNewLogEventStartIndex ?? count,
  }
}

/** Reads a failed call. Whatever is not known for certain to have stored nothing is `unknown`. */
export function outcomeOfError(error: unknown): PutOutcome {
  const { name, message, code, status, retryAfterMs } = factsOf(error)
  const cause = `${name}: ${message}`
  if (name === 'ResourceNotFoundException') return { kind: 'missing' }
  if (LATER.test(name) || status === 429) return { kind: 'later', afterMs: retryAfterMs, cause }
  if (DENIED.test(name) || message.includes('Region is missing')) return { kind: 'denied', cause }
  if (REFUSED.test(name) || status === 413) return { kind: 'refused', cause }
  if (UNREACHABLE.has(code)) return { kind: 'later', afterMs: 0, cause: `${code}: ${message}` }
  if (status >= 400 && status < 500) return { kind: 'denied', cause }
  return { kind: 'unknown', cause }
}

interface Facts {
  readonly name: string
  readonly message: string
  readonly code: string
  readonly status: number
  readonly retryAfterMs: number
}

function factsOf(error: unknown): Facts {
  if (!(error instanceof Error)) return { name: 'Error', message: String(error), code: '', status: 0, retryAfterMs: 0 }
  const { $metadata, $response, code } = error as Error & {
    $metadata?: { httpStatusCode?: number }
    $response?: { headers?: Record<string, string> }
    code?: unknown
  }
  const retryAfter = Number($response?.headers?.['retry-after'])
  return {
    name: error.name,
    message: error.message,
    code: typeof code === 'string' ? code : '',
    status: $metadata?.httpStatusCode ?? 0,
    retryAfterMs: retryAfter > 0 ? retryAfter * 1000 : 0,
  }
}
