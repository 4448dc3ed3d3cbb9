import { CreateLogGroupCommand, InvalidParameterException, PutLogEventsCommand } from '@aws-sdk/client-cloudwatch-logs'
import { describe, expect, it } from 'vitest'
import { DAY, events, GROUP, HOUR, NOW, STREAM, setUp } from './local-client'

const LIMIT = 1_048_576

async function refusal(work: Promise<unknown>): Promise<Error> {
  const error = await work.then(
    () => new Error('was accepted'),
    (reason: Error) => reason,
  )
  expect(error).toBeInstanceOf(InvalidParameterException)
  return error
}

describe('a batch of the local endpoint', () => {
  it('is accepted with exactly 1,048,576 bytes and refused with one more', async () => {
    const { endpoint, put } = await setUp()
    const full = [
      ...events(1, () => 'x'.repeat(LIMIT / 2 - 26)),
      { timestamp: NOW, message: 'y'.repeat(LIMIT / 2 - 26) },
    ]
    await put(full)
    expect(endpoint.calls.at(-1)).toMatchObject({ accepted: true, answer: 200, put: { bytes: LIMIT, count: 2 } })

    const over = [full[0] ?? { timestamp: NOW, message: '' }, { timestamp: NOW, message: 'y'.repeat(LIMIT / 2 - 25) }]
    expect((await refusal(put(over))).message).toBe('Upload too large: 1048577 bytes exceeds limit of 1048576')
    expect(endpoint.calls.at(-1)).toMatchObject({ accepted: false, answer: 400, put: { bytes: LIMIT + 1 } })
    expect(endpoint.events(GROUP, STREAM)).toHaveLength(2)
  })

  it('counts UTF-8 bytes, not characters', async () => {
    const { endpoint, put } = await setUp()
    const room = LIMIT - 26
    const euros = '€'.repeat(Math.floor(room / 3))
    const exact = euros + 'x'.repeat(room - Buffer.byteLength(euros))
    await put([{ timestamp: NOW, message: exact }])
    const emoji = `${exact.slice(0, -2)}😀`
    expect(emoji).toHaveLength(exact.length)
    expect((await refusal(put([{ timestamp: NOW, message: emoji }]))).message).toMatch(
      /^Log event too large: \d+ bytes/,
    )
    expect(endpoint.events(GROUP, STREAM).map(({ message }) => message)).toEqual([exact])
  })

  it('may hold one event of 1,048,550 bytes and none of 1,048,551', async () => {
    const { put } = await setUp()
    await put([{ timestamp: NOW, message: 'x'.repeat(1_048_550) }])
    const error = await refusal(put([{ timestamp: NOW, message: 'x'.repeat(1_048_551) }]))
    expect(error.message).toBe('Log event too large: 1048577 bytes exceeds limit of 1048576')
  })

  it('counts 26 bytes for every event', async () => {
    const { put } = await setUp()
    const many = 10_000
    const rest = LIMIT - many * 27
    await put(events(many, (index) => (index === 0 ? 'x'.repeat(1 + rest) : 'x')))
    await refusal(put(events(many, (index) => (index === 0 ? 'x'.repeat(2 + rest) : 'x'))))
  })

  it('is accepted with 1 and with 10,000 events and refused with none and with 10,001', async () => {
    const { endpoint, put } = await setUp()
    await put(events(1))
    await put(events(10_000))
    expect((await refusal(put([]))).message).toContain("'logEvents' failed to satisfy constraint")
    expect((await refusal(put(events(10_001)))).message).toContain('length less than or equal to 10000')
    expect(endpoint.events(GROUP, STREAM)).toHaveLength(10_001)
    expect(endpoint.counts).toMatchObject({ puts: 2, events: 10_001 })
  })

  it.each([
    ['an empty message', { timestamp: NOW, message: '' }, 'logEvents.1.member.message'],
    ['a negative timestamp', { timestamp: -1, message: 'x' }, 'logEvents.1.member.timestamp'],
  ])('is refused with %s', async (_, event, member) => {
    const { put } = await setUp()
    expect((await refusal(put([event]))).message).toContain(member)
  })

  it('takes the timestamp 0 for valid in form: too old, not refused', async () => {
    const { put } = await setUp()
    const { rejectedLogEventsInfo } = await put([{ timestamp: 0, message: 'x' }])
    expect(rejectedLogEventsInfo).toEqual({ tooOldLogEventEndIndex: 1 })
  })

  it('does not read a fraction or a string as a timestamp', async () => {
    const { put } = await setUp()
    await expect(put([{ timestamp: NOW + 0.5, message: 'x' }])).rejects.toThrow('logEvents.1.member.timestamp')
    await expect(put([{ timestamp: String(NOW) as unknown as number, message: 'x' }])).rejects.toMatchObject({
      name: 'SerializationException',
    })
  })

  it('may have equal timestamps but none that goes back, not even among events that are rejected', async () => {
    const { endpoint, put } = await setUp()
    const at = (...times: number[]) => times.map((timestamp) => ({ timestamp, message: `${timestamp}` }))
    await put(at(NOW - 1, NOW - 1, NOW))
    const order = 'Log events in a single PutLogEvents request must be in chronological order.'
    expect((await refusal(put(at(NOW, NOW - 1)))).message).toBe(order)
    expect((await refusal(put(at(NOW - 15 * DAY, NOW - 16 * DAY, NOW)))).message).toBe(order)
    expect(endpoint.events(GROUP, STREAM)).toHaveLength(3)
    expect(endpoint.calls.at(-1)?.put?.timestamps).toEqual([NOW - 15 * DAY, NOW - 16 * DAY, NOW])
  })

  it('may span exactly 24 hours and not a millisecond more', async () => {
    const { endpoint, put } = await setUp()
    const span = (ms: number) => [NOW - ms, NOW].map((timestamp) => ({ timestamp, message: 'x' }))
    await put(span(DAY))
    expect((await refusal(put(span(DAY + 1)))).message).toBe(
      'The batch of log events in a single PutLogEvents request cannot span more than 24 hours.',
    )
    expect(endpoint.events(GROUP, STREAM)).toHaveLength(2)
  })

  it('measures the span among the valid events only', async () => {
    const { endpoint, put } = await setUp()
    const times = [NOW - 15 * DAY, NOW - DAY, NOW, NOW + 3 * HOUR]
    const { rejectedLogEventsInfo } = await put(times.map((timestamp) => ({ timestamp, message: 'x' })))
    expect(rejectedLogEventsInfo).toEqual({ tooOldLogEventEndIndex: 1, tooNewLogEventStartIndex: 3 })
    expect(endpoint.events(GROUP, STREAM).map(({ timestamp }) => timestamp)).toEqual([NOW - DAY, NOW])
  })

  it('is refused whole when the group or the stream is missing', async () => {
    const { endpoint, client } = await setUp()
    const put = (logGroupName: string, logStreamName: string) =>
      client.send(new PutLogEventsCommand({ logGroupName, logStreamName, logEvents: events(1) }))
    await expect(put('none', STREAM)).rejects.toMatchObject({
      name: 'ResourceNotFoundException',
      message: 'The specified log group does not exist.',
    })
    await expect(put(GROUP, 'none')).rejects.toMatchObject({
      name: 'ResourceNotFoundException',
      message: 'The specified log stream does not exist.',
    })
    await client.send(new CreateLogGroupCommand({ logGroupName: 'none' }))
    await expect(put('none', STREAM)).rejects.toThrow('stream does not exist')
    endpoint.remove(GROUP)
    await expect(put(GROUP, STREAM)).rejects.toThrow('group does not exist')
  })

  it('ignores the sequence token and stores a repeated call again, as AWS does', async () => {
    const { endpoint, client } = await setUp()
    const command = { logGroupName: GROUP, logStreamName: STREAM, logEvents: events(2), sequenceToken: 'wrong' }
    await client.send(new PutLogEventsCommand(command))
    const { nextSequenceToken } = await client.send(new PutLogEventsCommand(command))
    expect(nextSequenceToken).toMatch(/^\d+$/)
    expect(endpoint.events(GROUP, STREAM)).toHaveLength(4)
  })

  it('stores parallel calls to one stream, all of them', async () => {
    const { endpoint, put } = await setUp()
    await Promise.all(Array.from({ length: 8 }, () => put(events(10))))
    expect(endpoint.events(GROUP, STREAM)).toHaveLength(80)
  })
})
