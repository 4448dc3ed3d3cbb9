import { AuditError } from '../config/errors'

/** What a person must put right before CloudWatch takes anything from this worker. */
export type DeniedWhy =
  | 'permission'
  | 'credentials_missing'
  | 'credentials_expired'
  | 'credentials_invalid'
  | 'region'
  | 'destination'

/** The first rule that fits decides. Names are the SDK's and AWS's; a text is matched where one name has two meanings. */
const RULES: readonly (readonly [DeniedWhy, (name: string, message: string) => boolean])[] = [
  [
    'region',
    (_, message) => /region is missing|scoped to a valid region|invalid region|region not accepted/i.test(message),
  ],
  ['credentials_expired', (name) => /^(ExpiredToken|RequestExpired|RequestTimeTooSkewed)/.test(name)],
  ['credentials_expired', (name, message) => /Credentials|Token.*Provider/.test(name) && /expired/i.test(message)],
  [
    'credentials_missing',
    (name) => /^(MissingAuthenticationToken|CredentialsProviderError|TokenProviderError)/.test(name),
  ],
  ['credentials_missing', (_, message) => /credentials? (is|are) (missing|not)|resolved credential/i.test(message)],
  [
    'credentials_invalid',
    (name) =>
      /^(UnrecognizedClient|InvalidSignature|SignatureDoesNotMatch|IncompleteSignature|InvalidClientTokenId|InvalidAccessKeyId|AuthFailure)/.test(
        name,
      ),
  ],
  ['permission', (name) => /accessdenied|notauthorized|unauthorized|optinrequired|authentic|forbidden/i.test(name)],
  [
    'destination',
    (name, message) =>
      /^(InvalidParameter|Validation)/.test(name) &&
      /'?log(Group|Stream)(Name|Identifier)'?|Log groups starting/i.test(message),
  ],
]

/** Why AWS refuses this worker, whatever it sends; undefined when the error says nothing of the kind. */
export function deniedWhy(name: string, message: string): DeniedWhy | undefined {
  return RULES.find(([, fits]) => fits(name, message))?.[0]
}

const CODES = {
  permission: 'AUDIT_CLOUDWATCH_DENIED',
  credentials_missing: 'AUDIT_CREDENTIALS_MISSING',
  credentials_expired: 'AUDIT_CREDENTIALS_EXPIRED',
  credentials_invalid: 'AUDIT_CREDENTIALS_INVALID',
  region: 'AUDIT_REGION_INVALID',
  destination: 'AUDIT_DESTINATION_INVALID',
} as const satisfies Record<DeniedWhy, string>

/** Where a call went to, for messages. */
export interface Where {
  readonly group: string
  readonly stream: string
  readonly region: string
}

/** @param operation the call that was denied; the permission for it has the same name */
export function deniedError(why: DeniedWhy, cause: string, operation: string, { group, stream, region }: Where) {
  const ofGroup = operation === 'CreateLogGroup' || operation === 'PutRetentionPolicy'
  const resource = ofGroup ? `log-group:${group}` : `log-group:${group}:log-stream:${stream}`
  return new AuditError(CODES[why], { cause, permission: `logs:${operation}`, resource, region })
}
