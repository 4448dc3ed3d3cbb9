import { describe, expect, it } from 'vitest'
import { outcomeOfAnswer, outcomeOfError } from '../../../worker/put-outcome'

const answer = (rejectedLogEventsInfo?: object) => ({
  $metadata: {},
  ...(rejectedLogEventsInfo && { rejectedLogEventsInfo }),
})

function failure(name: string, status?: number, more: object = {}): Error {
  return Object.assign(
    new Error('said'),
    { name, ...(status !== undefined && { $metadata: { httpStatusCode: status } }) },
    more,
  )
}

describe('an answer', () => {
  it('without rejections means that all is stored', () => {
    expect(outcomeOfAnswer(answer(), 5)).toEqual({ kind: 'stored' })
  })

  it('takes 0 as an index, not as absence', () => {
    expect(outcomeOfAnswer(answer({ tooNewLogEventStartIndex: 0 }), 5)).toMatchObject({
      kind: 'partly',
      tooNewStart: 0,
    })
  })

  it('has its absent indices beyond every event', () => {
    expect(outcomeOfAnswer(answer({ tooOldLogEventEndIndex: 2 }), 5)).toEqual({
      kind: 'partly',
      tooOldEnd: 2,
      expiredEnd: 0,
      tooNewStart: 5,
    })
  })
})

describe('an error', () => {
  it.each([
    ['missing', failure('ResourceNotFoundException', 400)],
    ['later', failure('ThrottlingException', 400)],
    ['later', failure('TooManyRequestsException', 429)],
    ['later', failure('Error', undefined, { code: 'ECONNREFUSED' })],
    ['denied', failure('AccessDeniedException', 400)],
    ['denied', failure('UnrecognizedClientException', 400)],
    ['denied', failure('ExpiredTokenException', 400)],
    ['denied', failure('CredentialsProviderError')],
    ['denied', failure('SomethingNewException', 400)],
    ['refused', failure('InvalidParameterException', 400)],
    ['refused', failure('Unknown', 413)],
    ['unknown', failure('ServiceUnavailableException', 503)],
    ['unknown', failure('InternalFailure', 500)],
    ['unknown', failure('TimeoutError')],
    ['unknown', failure('SyntaxError', 200)],
    ['unknown', failure('Error', undefined, { code: 'ECONNRESET' })],
    ['unknown', failure('SyntaxError', 403)],
    ['unknown', failure('DataAlreadyAcceptedException', 400)],
    ['unknown', failure('Unknown', 408)],
    ['later', failure('InvalidSequenceTokenException', 400)],
    ['unknown', 'not even an error'],
  ])('leads to %s: %s', (kind, error) => {
    expect(outcomeOfError(error).kind).toBe(kind)
  })

  it('carries how long AWS asks to wait', () => {
    const throttled = failure('ThrottlingException', 400, { $response: { headers: { 'retry-after': '3' } } })
    expect(outcomeOfError(throttled)).toMatchObject({ kind: 'later', afterMs: 3_000 })
  })
})
