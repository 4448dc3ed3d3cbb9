import { expect, it } from 'vitest'
import { deniedError, deniedWhy } from '../../../worker/denied'

const WHERE = { group: '/shop/audit', stream: 'main', region: 'eu-central-1' }

it.each([
  ['permission', 'AccessDeniedException', 'User: arn:… is not authorized to perform: logs:PutLogEvents'],
  ['permission', 'OptInRequired', 'The AWS Access Key Id needs a subscription for the service'],
  ['credentials_missing', 'CredentialsProviderError', 'Could not load credentials from any providers'],
  ['credentials_missing', 'MissingAuthenticationTokenException', 'Missing Authentication Token'],
  ['credentials_missing', 'Error', 'Resolved credential object is not valid'],
  ['credentials_expired', 'ExpiredTokenException', 'The security token included in the request is expired'],
  ['credentials_expired', 'RequestExpired', 'Request has expired.'],
  ['credentials_expired', 'CredentialsProviderError', 'The SSO session associated with this profile has expired'],
  ['credentials_invalid', 'UnrecognizedClientException', 'The security token included in the request is invalid.'],
  ['credentials_invalid', 'InvalidSignatureException', 'The request signature we calculated does not match'],
  ['region', 'InvalidSignatureException', 'Credential should be scoped to a valid region, not us-east-1'],
  ['region', 'Error', 'Region is missing'],
  ['destination', 'InvalidParameterException', "Value 'a b' at 'logGroupName' failed to satisfy constraint"],
  ['destination', 'InvalidParameterException', 'Log groups starting with AWS/ are reserved for AWS.'],
  [undefined, 'InvalidParameterException', 'Log event too large: 1048577 bytes exceeds limit of 1048576'],
  [undefined, 'ServiceUnavailableException', 'The service cannot complete the request.'],
  [undefined, 'TimeoutError', 'socket hang up'],
] as const)('%s: %s, %s', (why, name, message) => {
  expect(deniedWhy(name, message)).toBe(why)
})

it('names the permission, the resource and the region, each where it is what must be put right', () => {
  const stream = deniedError('permission', 'no', 'PutLogEvents', WHERE)
  expect(stream.code).toBe('AUDIT_CLOUDWATCH_DENIED')
  expect(stream.message).toContain('logs:PutLogEvents on log-group:/shop/audit:log-stream:main')
  expect(deniedError('permission', 'no', 'CreateLogGroup', WHERE).message).toContain(
    'logs:CreateLogGroup on log-group:/shop/audit:',
  )
  expect(deniedError('credentials_invalid', 'no', 'PutLogEvents', WHERE).message).toContain('eu-central-1')
  expect(deniedError('region', 'no', 'PutLogEvents', WHERE).code).toBe('AUDIT_REGION_INVALID')
})
