import { AwsError, throttled } from './errors'
import type { Fault, FaultKind } from './faults'

/** What a fault does to a call: whether the operation still happens, and what the client gets. */
export interface FaultEffect {
  readonly accepts: boolean
  readonly answer: 'normal' | 'hang' | 'reset' | 'html' | AwsError
}

const refuse = (error: AwsError): FaultEffect => ({ accepts: false, answer: error })
const unavailable = () => new AwsError('ServiceUnavailableException', 'The service cannot complete the request.', 503)
const internal = () => new AwsError('InternalFailure', 'The request processing has failed.', 500)

const EFFECTS: Readonly<Record<FaultKind, (operation: string) => FaultEffect>> = {
  none: () => ({ accepts: true, answer: 'normal' }),
  throttle: () => refuse(throttled()),
  unavailable: () => refuse(unavailable()),
  unavailableAfter: () => ({ accepts: true, answer: unavailable() }),
  internal: () => refuse(internal()),
  internalAfter: () => ({ accepts: true, answer: internal() }),
  tooLarge: () => refuse(new AwsError('RequestEntityTooLargeException', 'Request Entity Too Large', 413)),
  accessDenied: (operation) =>
    refuse(
      new AwsError(
        'AccessDeniedException',
        `User: arn:aws:iam::000000000000:user/local is not authorized to perform: logs:${operation} ` +
          `because no identity-based policy allows the logs:${operation} action`,
      ),
    ),
  expiredToken: () =>
    refuse(new AwsError('ExpiredTokenException', 'The security token included in the request is expired')),
  unrecognizedClient: () =>
    refuse(new AwsError('UnrecognizedClientException', 'The security token included in the request is invalid.')),
  hang: () => ({ accepts: false, answer: 'hang' }),
  hangAfter: () => ({ accepts: true, answer: 'hang' }),
  resetBefore: () => ({ accepts: false, answer: 'reset' }),
  resetAfter: () => ({ accepts: true, answer: 'reset' }),
  html: () => ({ accepts: false, answer: 'html' }),
  htmlAfter: () => ({ accepts: true, answer: 'html' }),
}

export function effectOf(fault: Fault, operation: string): FaultEffect {
  if (fault.kind === 'error') return refuse(new AwsError(fault.name, `Scripted: ${fault.name}`, fault.status ?? 400))
  return EFFECTS[fault.kind](operation)
}
