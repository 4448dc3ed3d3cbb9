import { PutRetentionPolicyCommand } from '@aws-sdk/client-cloudwatch-logs'
import { describe, expect, it } from 'vitest'
import type { CloudWatchOptions } from '../../local/cloudwatch'
import { DAY, GROUP, HOUR, NOW, STREAM, setUp } from './local-client'

interface Case {
  name: string
  retention?: number
  times: number[]
  rejected: object | undefined
  stored: number[]
}

const CASES: Case[] = [
  {
    name: 'takes an event exactly 2 hours ahead',
    times: [NOW + 2 * HOUR],
    rejected: undefined,
    stored: [NOW + 2 * HOUR],
  },
  {
    name: 'rejects a single event 1 ms further ahead, at index 0',
    times: [NOW + 2 * HOUR + 1],
    rejected: { tooNewLogEventStartIndex: 0 },
    stored: [],
  },
  {
    name: 'gives the index of the first too new event, inclusive',
    times: [NOW - 1, NOW, NOW + 3 * HOUR, NOW + 4 * HOUR],
    rejected: { tooNewLogEventStartIndex: 2 },
    stored: [NOW - 1, NOW],
  },
  {
    name: 'takes an event exactly 14 days old',
    times: [NOW - 14 * DAY],
    rejected: undefined,
    stored: [NOW - 14 * DAY],
  },
  {
    name: 'gives the end of the too old events, exclusive',
    times: [NOW - 15 * DAY, NOW - 14 * DAY - 1, NOW - 14 * DAY],
    rejected: { tooOldLogEventEndIndex: 2 },
    stored: [NOW - 14 * DAY],
  },
  {
    name: 'rejects too old and too new events of one call and stores the rest',
    times: [NOW - 15 * DAY, NOW - HOUR, NOW, NOW + 3 * HOUR],
    rejected: { tooOldLogEventEndIndex: 1, tooNewLogEventStartIndex: 3 },
    stored: [NOW - HOUR, NOW],
  },
  {
    name: 'stores nothing when every event is too old or too new',
    times: [NOW - 15 * DAY, NOW + 3 * HOUR],
    rejected: { tooOldLogEventEndIndex: 1, tooNewLogEventStartIndex: 1 },
    stored: [],
  },
  {
    name: 'takes an event exactly as old as the retention',
    retention: 3,
    times: [NOW - 3 * DAY],
    rejected: undefined,
    stored: [NOW - 3 * DAY],
  },
  {
    name: 'gives the end of the expired events, exclusive',
    retention: 3,
    times: [NOW - 4 * DAY, NOW - 3 * DAY - 1, NOW - 3 * DAY],
    rejected: { expiredLogEventEndIndex: 2 },
    stored: [NOW - 3 * DAY],
  },
  {
    name: 'tells too old from expired events',
    retention: 1,
    times: [NOW - 20 * DAY, NOW - 2 * DAY, NOW - HOUR, NOW + 3 * HOUR],
    rejected: { tooOldLogEventEndIndex: 1, expiredLogEventEndIndex: 2, tooNewLogEventStartIndex: 3 },
    stored: [NOW - HOUR],
  },
  {
    name: 'calls events too old only, when the retention rejects none besides',
    retention: 7,
    times: [NOW - 20 * DAY, NOW - HOUR],
    rejected: { tooOldLogEventEndIndex: 1 },
    stored: [NOW - HOUR],
  },
  {
    name: 'rejects events older than 14 days even when the retention is longer',
    retention: 30,
    times: [NOW - 20 * DAY],
    rejected: { tooOldLogEventEndIndex: 1 },
    stored: [],
  },
]

async function putTimes(times: readonly number[], retention?: number, options: CloudWatchOptions = {}) {
  const setup = await setUp(options)
  if (retention !== undefined) {
    await setup.client.send(new PutRetentionPolicyCommand({ logGroupName: GROUP, retentionInDays: retention }))
  }
  return { ...setup, answer: setup.put(times.map((timestamp) => ({ timestamp, message: `at ${timestamp}` }))) }
}

describe('the rejections of the local endpoint', () => {
  it.each(CASES)('$name', async ({ times, retention, rejected, stored }) => {
    const { endpoint, answer } = await putTimes(times, retention)
    const { rejectedLogEventsInfo, $metadata } = await answer
    expect($metadata.httpStatusCode).toBe(200)
    expect(rejectedLogEventsInfo).toEqual(rejected)
    expect(endpoint.events(GROUP, STREAM).map(({ timestamp }) => timestamp)).toEqual(stored)
    expect(endpoint.counts.events).toBe(stored.length)
    expect(endpoint.calls.at(-1)?.rejected).toEqual(rejected)
  })

  it('counts expired events towards the 24 hours only when asked to', async () => {
    const times = [NOW - 2 * DAY, NOW]
    const lenient = await putTimes(times, 1)
    expect((await lenient.answer).rejectedLogEventsInfo).toEqual({ expiredLogEventEndIndex: 1 })
    const strict = await putTimes(times, 1, { spanIncludesExpired: true })
    await expect(strict.answer).rejects.toThrow('cannot span more than 24 hours')
    expect(strict.endpoint.events(GROUP, STREAM)).toEqual([])
  })
})
