import { CloudWatchLogsClient, DescribeLogGroupsCommand, PutLogEventsCommand } from '@aws-sdk/client-cloudwatch-logs'
import { describe, expect, it } from 'vitest'
import type { FaultKind } from '../../local/cloudwatch'
import { waitFor } from '../support/wait-for'
import { events, GROUP, STREAM, setUp } from './local-client'

const QUICK = { requestHandler: { requestTimeout: 150, throwOnRequestTimeout: true } }

/** What the SDK shows of each fault, and how many of the call's three events are stored. */
const SEEN: Record<FaultKind, { error?: object; stored: number }> = {
  none: { stored: 3 },
  throttle: { error: { name: 'ThrottlingException', $metadata: { httpStatusCode: 400 } }, stored: 0 },
  unavailable: {
    error: { name: 'ServiceUnavailableException', $fault: 'server', $metadata: { httpStatusCode: 503 } },
    stored: 0,
  },
  unavailableAfter: { error: { name: 'ServiceUnavailableException' }, stored: 3 },
  internal: { error: { name: 'InternalFailure', $fault: 'server', $metadata: { httpStatusCode: 500 } }, stored: 0 },
  internalAfter: { error: { name: 'InternalFailure' }, stored: 3 },
  tooLarge: { error: { $metadata: { httpStatusCode: 413 } }, stored: 0 },
  accessDenied: {
    error: { name: 'AccessDeniedException', message: expect.stringContaining('logs:PutLogEvents') },
    stored: 0,
  },
  expiredToken: { error: { name: 'ExpiredTokenException' }, stored: 0 },
  unrecognizedClient: { error: { name: 'UnrecognizedClientException' }, stored: 0 },
  hang: { error: { name: 'TimeoutError' }, stored: 0 },
  hangAfter: { error: { name: 'TimeoutError' }, stored: 3 },
  resetBefore: { error: { code: 'ECONNRESET' }, stored: 0 },
  resetAfter: { error: { code: 'ECONNRESET' }, stored: 3 },
  html: { error: { name: 'SyntaxError' }, stored: 0 },
  htmlAfter: { error: { name: 'SyntaxError' }, stored: 3 },
}

describe('a scripted fault of the local endpoint', () => {
  it.each(Object.entries(SEEN))('%s: reaches the SDK, then the next call passes', async (kind, { error, stored }) => {
    const { endpoint, put } = await setUp({}, QUICK)
    endpoint.faults.next('PutLogEvents', { kind: kind as FaultKind })
    if (error) await expect(put(events(3))).rejects.toMatchObject(error)
    else await put(events(3))
    expect(endpoint.events(GROUP, STREAM)).toHaveLength(stored)
    expect(endpoint.calls[0]).toMatchObject({ fault: kind, accepted: stored > 0 })
    expect(endpoint.faults.pending).toBe(0)

    await put(events(1))
    expect(endpoint.events(GROUP, STREAM)).toHaveLength(stored + 1)
  })

  it('shows how the default of three attempts hides a duplicate', async () => {
    const { endpoint, put } = await setUp({}, { maxAttempts: 3 })
    endpoint.faults.next('PutLogEvents', { kind: 'resetAfter' })
    await put(events(2))
    expect(endpoint.callsOf('PutLogEvents').map(({ answer }) => answer)).toEqual(['reset', 200])
    expect(endpoint.events(GROUP, STREAM)).toHaveLength(4)
  })

  it('is consumed in order, and only by the operation it was given for', async () => {
    const { endpoint, client, put } = await setUp()
    endpoint.faults.next('PutLogEvents', { kind: 'throttle' }, { kind: 'none' }, { kind: 'unavailable' })
    await client.send(new DescribeLogGroupsCommand({}))
    await expect(put(events(1))).rejects.toMatchObject({ name: 'ThrottlingException' })
    await put(events(1))
    await expect(put(events(1))).rejects.toMatchObject({ name: 'ServiceUnavailableException' })
    await put(events(1))
  })

  it('can hit every operation until it is cleared', async () => {
    const { endpoint, client, put } = await setUp()
    endpoint.faults.always('*', { kind: 'accessDenied' })
    for (let attempt = 0; attempt < 2; attempt++) {
      await expect(client.send(new DescribeLogGroupsCommand({}))).rejects.toThrow('logs:DescribeLogGroups')
      await expect(put(events(1))).rejects.toMatchObject({ name: 'AccessDeniedException' })
    }
    endpoint.faults.clear()
    await put(events(1))
  })

  it('can depend on the call', async () => {
    const { endpoint, put } = await setUp()
    endpoint.faults.when('PutLogEvents', ({ body }) => JSON.stringify(body).includes('poison'), { kind: 'internal' }, 1)
    await put(events(1))
    await expect(put(events(1, () => 'poison'))).rejects.toMatchObject({ name: 'InternalFailure' })
    await put(events(1, () => 'poison'))
  })

  it('can be any named error', async () => {
    const { endpoint, client } = await setUp()
    endpoint.faults.next('DescribeLogGroups', { kind: 'error', name: 'OperationAbortedException' })
    await expect(client.send(new DescribeLogGroupsCommand({}))).rejects.toMatchObject({
      name: 'OperationAbortedException',
      $metadata: { httpStatusCode: 400 },
    })
  })

  it('carries a retry-after header', async () => {
    const { endpoint, put } = await setUp()
    endpoint.faults.next('PutLogEvents', { kind: 'throttle', retryAfter: 7 })
    const error = await put(events(1)).catch((reason: unknown) => reason)
    const { $response } = error as { $response: { headers: Record<string, string> } }
    expect($response.headers['retry-after']).toBe('7')
  })

  it('delays the answer, not the effect: a client that gives up has stored its events', async () => {
    const { endpoint, put } = await setUp({}, QUICK)
    endpoint.faults.next('PutLogEvents', { kind: 'none', delayMs: 60_000 })
    await expect(put(events(2))).rejects.toMatchObject({ name: 'TimeoutError' })
    expect(endpoint.events(GROUP, STREAM)).toHaveLength(2)
    expect(endpoint.calls[0]).toMatchObject({ accepted: true, answer: 'pending' })
  })

  it('leaves a call that breaks a rule refused, whatever the client sees', async () => {
    const { endpoint, put } = await setUp()
    endpoint.faults.next('PutLogEvents', { kind: 'resetAfter' })
    await expect(put([])).rejects.toMatchObject({ code: 'ECONNRESET' })
    expect(endpoint.calls[0]).toMatchObject({ accepted: false, answer: 'reset', error: 'InvalidParameterException' })
  })

  it('hits the same calls for the same seed', async () => {
    const outcomes = async (seed: number) => {
      const { endpoint, put } = await setUp()
      endpoint.faults.random({ seed, probability: 0.5, faults: [{ kind: 'throttle' }, { kind: 'resetAfter' }] })
      const seen: string[] = []
      for (let call = 0; call < 30; call++) {
        seen.push(
          await put(events(1)).then(
            () => 'ok',
            (error: Error & { code?: string }) => error.code ?? error.name,
          ),
        )
      }
      return seen
    }
    const [first, again, other] = [await outcomes(1), await outcomes(1), await outcomes(2)]
    expect(again).toEqual(first)
    expect(other).not.toEqual(first)
    expect(new Set(first)).toEqual(new Set(['ok', 'ThrottlingException', 'ECONNRESET']))
  })

  it('counts the calls that are under way at once', async () => {
    const { endpoint, put } = await setUp()
    endpoint.faults.next('PutLogEvents', ...Array.from({ length: 3 }, () => ({ kind: 'none' as const, delayMs: 100 })))
    await Promise.all([put(events(1)), put(events(1)), put(events(1))])
    const alone = async () => {
      await put(events(1))
      return endpoint.calls.at(-1)?.inFlight === 1
    }
    await waitFor(alone, { what: 'a call that is alone' })
    expect(Math.max(...endpoint.calls.map(({ inFlight }) => inFlight))).toBe(3)
  })
})

describe('the local endpoint without a script', () => {
  it('throttles by AWS’s quotas when asked to, and starts anew every second', async () => {
    let now = 0
    const { endpoint, client } = await setUp({ quotas: { DescribeLogGroups: 2 }, now: () => now })
    const describeGroups = () => client.send(new DescribeLogGroupsCommand({}))
    await describeGroups()
    await describeGroups()
    await expect(describeGroups()).rejects.toMatchObject({ name: 'ThrottlingException', message: 'Rate exceeded' })
    now = 1_000
    await describeGroups()
    expect(endpoint.calls.map(({ answer }) => answer)).toEqual([200, 200, 400, 200])
  })

  it('refuses a request that is not signed', async () => {
    const { endpoint } = await setUp()
    const unsigned = await fetch(endpoint.url, {
      method: 'POST',
      headers: { 'x-amz-target': 'Logs_20140328.DescribeLogGroups', 'content-type': 'application/x-amz-json-1.1' },
      body: '{}',
    })
    expect([unsigned.status, await unsigned.json()]).toMatchObject([
      400,
      { __type: 'MissingAuthenticationTokenException' },
    ])
  })

  it.each([
    ['an unknown operation', 'Logs_20140328.DeleteEverything', '{}', 'UnknownOperationException'],
    ['another service', 'DynamoDB_20120810.PutItem', '{}', 'UnknownOperationException'],
    ['an inherited name', 'Logs_20140328.constructor', '{}', 'UnknownOperationException'],
    ['a body that is not JSON', 'Logs_20140328.PutLogEvents', '{"logEvents":', 'SerializationException'],
    ['a body that is no object', 'Logs_20140328.PutLogEvents', '[]', 'SerializationException'],
    ['null', 'Logs_20140328.PutLogEvents', 'null', 'SerializationException'],
    ['a member of the wrong type', 'Logs_20140328.PutLogEvents', '{"logGroupName":1}', 'SerializationException'],
    ['a missing member', 'Logs_20140328.PutLogEvents', '{}', 'InvalidParameterException'],
    [
      'an event that is none',
      'Logs_20140328.PutLogEvents',
      '{"logGroupName":"a","logStreamName":"b","logEvents":[null]}',
      'SerializationException',
    ],
  ])('answers %s with a coded error', async (_, target, body, name) => {
    const { endpoint } = await setUp()
    const authorization = 'AWS4-HMAC-SHA256 Credential=AKIA/20261120/us-east-1/logs/aws4_request'
    const answer = await fetch(endpoint.url, {
      method: 'POST',
      headers: { 'x-amz-target': target, authorization },
      body,
    })
    expect([answer.status, await answer.json()]).toMatchObject([400, { __type: name, message: expect.any(String) }])
    expect(answer.headers.get('content-type')).toBe('application/x-amz-json-1.1')
    expect(answer.headers.get('x-amzn-requestid')).toMatch(/^[0-9a-f-]{36}$/)
  })

  it('logs every call with what it carried, never with the messages', async () => {
    const { endpoint, client, put } = await setUp()
    await put(events(2, () => 'secret€'))
    await client.send(new DescribeLogGroupsCommand({ limit: 3 }))
    expect(endpoint.calls).toMatchObject([
      { operation: 'PutLogEvents', put: { group: GROUP, stream: STREAM, count: 2, bytes: 2 * (9 + 26) }, answer: 200 },
      { operation: 'DescribeLogGroups', input: { limit: 3 }, answer: 200 },
    ])
    expect(JSON.stringify(endpoint.calls)).not.toContain('secret')
  })

  it('is asked by a client that only knows AWS_ENDPOINT_URL', async () => {
    const { endpoint } = await setUp()
    process.env.AWS_ENDPOINT_URL_CLOUDWATCH_LOGS = endpoint.url
    const credentials = { accessKeyId: 'AKIAINVENTED', secretAccessKey: 'invented' }
    const client = new CloudWatchLogsClient({ region: 'eu-central-1', credentials })
    try {
      await client.send(new PutLogEventsCommand({ logGroupName: GROUP, logStreamName: STREAM, logEvents: events(1) }))
    } finally {
      delete process.env.AWS_ENDPOINT_URL_CLOUDWATCH_LOGS
      client.destroy()
    }
    expect(endpoint.events(GROUP, STREAM)).toHaveLength(1)
  })
})
