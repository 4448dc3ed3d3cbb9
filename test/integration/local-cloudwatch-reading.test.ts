import {
  FilterLogEventsCommand,
  type FilterLogEventsCommandInput,
  GetLogEventsCommand,
  type GetLogEventsCommandInput,
  PutLogEventsCommand,
} from '@aws-sdk/client-cloudwatch-logs'
import { describe, expect, it } from 'vitest'
import { events, GROUP, type LocalSetup, NOW, STREAM, setUp } from './local-client'

type Get = Partial<GetLogEventsCommandInput>
type Filter = Partial<FilterLogEventsCommandInput>

const get = ({ client }: LocalSetup, input: Get = {}) =>
  client.send(new GetLogEventsCommand({ logGroupName: GROUP, logStreamName: STREAM, ...input }))
const filter = ({ client }: LocalSetup, input: Filter = {}) =>
  client.send(new FilterLogEventsCommand({ logGroupName: GROUP, ...input }))
const messages = (page: { events?: { message?: string | undefined }[] | undefined }) =>
  page.events?.map(({ message }) => message)

/** Reads as AWS's documentation says: until the token repeats. */
async function getAll(
  setup: LocalSetup,
  input: Get = {},
  token: 'nextForwardToken' | 'nextBackwardToken' = 'nextForwardToken',
) {
  const pages: (string | undefined)[][] = []
  let nextToken: string | undefined
  for (;;) {
    const page = await get(setup, { startFromHead: token === 'nextForwardToken', ...input, nextToken })
    pages.push(messages(page) ?? [])
    if (page[token] === nextToken) return pages
    nextToken = page[token]
  }
}

async function filterAll(setup: LocalSetup, input: Filter = {}) {
  const pages: (string | undefined)[][] = []
  let nextToken: string | undefined
  do {
    const page = await filter(setup, { ...input, nextToken })
    pages.push(messages(page) ?? [])
    nextToken = page.nextToken
  } while (nextToken !== undefined)
  return pages
}

describe('GetLogEvents of the local endpoint', () => {
  it('gives the events of a stream by time, ties in the order of arrival', async () => {
    const setup = await setUp()
    await setup.put([{ timestamp: NOW, message: 'late, first' }])
    await setup.put([
      { timestamp: NOW - 10, message: 'early' },
      { timestamp: NOW, message: 'late, second' },
    ])
    const page = await get(setup, { startFromHead: true })
    expect(messages(page)).toEqual(['early', 'late, first', 'late, second'])
    expect(page.events?.[0]).toEqual({ timestamp: NOW - 10, message: 'early', ingestionTime: NOW })
    expect(setup.endpoint.events(GROUP, STREAM).map(({ message }) => message)).toEqual([
      'late, first',
      'early',
      'late, second',
    ])
  })

  it('gives back any text unchanged', async () => {
    const setup = await setUp()
    const hostile = ['"quoted" \\ \u0000 \u2028', '日本語 😀', '{"timestamp":1}', '<script>', ' ', '\n']
    await setup.put(hostile.map((message) => ({ timestamp: NOW, message })))
    expect(messages(await get(setup))).toEqual(hostile)
  })

  it('includes startTime and excludes endTime', async () => {
    const setup = await setUp()
    await setup.put(events(5))
    expect(messages(await get(setup, { startTime: NOW - 3, endTime: NOW - 1 }))).toEqual(['event 1', 'event 2'])
  })

  it('pages forward to the end, where the token repeats', async () => {
    const setup = await setUp()
    await setup.put(events(5))
    expect(await getAll(setup, { limit: 2 })).toEqual([['event 0', 'event 1'], ['event 2', 'event 3'], ['event 4'], []])
  })

  it('starts with the newest page and pages backward unless told to start from the head', async () => {
    const setup = await setUp()
    await setup.put(events(5))
    const pages = await getAll(setup, { limit: 2 }, 'nextBackwardToken')
    expect(pages).toEqual([['event 3', 'event 4'], ['event 1', 'event 2'], ['event 0'], []])
  })

  it('turns around: the backward token of a page leads to what came before it', async () => {
    const setup = await setUp()
    await setup.put(events(4))
    const first = await get(setup, { startFromHead: true, limit: 2 })
    const second = await get(setup, { startFromHead: true, limit: 2, nextToken: first.nextForwardToken })
    const back = await get(setup, { limit: 2, nextToken: second.nextBackwardToken })
    expect(messages(back)).toEqual(['event 0', 'event 1'])
    const again = await get(setup, { startFromHead: true, limit: 2, nextToken: back.nextForwardToken })
    expect(messages(again)).toEqual(['event 2', 'event 3'])
  })

  it('goes on from a token when more has arrived since the end was reached', async () => {
    const setup = await setUp()
    await setup.put(events(2))
    const { nextForwardToken } = await get(setup, { startFromHead: true })
    const atEnd = await get(setup, { startFromHead: true, nextToken: nextForwardToken })
    expect(atEnd).toMatchObject({ events: [], nextForwardToken })
    await setup.put([{ timestamp: NOW, message: 'more' }])
    expect(messages(await get(setup, { startFromHead: true, nextToken: nextForwardToken }))).toEqual(['more'])
  })

  it('gives at most 10,000 events a page', async () => {
    const setup = await setUp()
    await setup.put(events(10_000))
    await setup.put(events(1))
    expect((await getAll(setup)).map((page) => page.length)).toEqual([10_000, 1, 0])
    await expect(get(setup, { limit: 10_001 })).rejects.toMatchObject({ name: 'InvalidParameterException' })
    await expect(get(setup, { limit: 0 })).rejects.toMatchObject({ name: 'InvalidParameterException' })
  })

  it('gives at most 1 MB a page, and always at least one event', async () => {
    const setup = await setUp()
    await setup.put([{ timestamp: NOW - 3, message: 'x'.repeat(1_048_550) }])
    await setup.put(events(3, () => 'y'.repeat(300_000)))
    expect((await getAll(setup)).map((page) => page.length)).toEqual([1, 3, 0])
    await setup.put([{ timestamp: NOW, message: 'z'.repeat(300_000) }])
    expect((await getAll(setup)).map((page) => page.length)).toEqual([1, 3, 1, 0])
  })

  it('fills a page up to exactly 1 MB', async () => {
    const setup = await setUp()
    await setup.put(events(2, () => 'x'.repeat(1_048_576 / 2 - 26)))
    await setup.put([{ timestamp: NOW, message: 'y' }])
    expect((await getAll(setup)).map((page) => page.length)).toEqual([2, 1, 0])
  })

  it('puts empty pages before every full one when asked to, in both directions', async () => {
    const setup = await setUp({ emptyPages: 2 })
    await setup.put(events(3))
    expect(await getAll(setup, { limit: 2 })).toEqual([[], [], ['event 0', 'event 1'], [], [], ['event 2'], [], [], []])
    const backward = await getAll(setup, { limit: 2 }, 'nextBackwardToken')
    expect(backward).toEqual([[], [], ['event 1', 'event 2'], [], [], ['event 0'], [], [], []])
  })

  it('has tokens for an empty stream too', async () => {
    const setup = await setUp()
    expect(await getAll(setup)).toEqual([[], []])
    const page = await get(setup)
    expect([page.nextForwardToken, page.nextBackwardToken]).toEqual([expect.any(String), expect.any(String)])
  })

  it('refuses an invented token, and a stream that is not there', async () => {
    const setup = await setUp()
    await expect(get(setup, { nextToken: 'f/1/s' })).rejects.toMatchObject({
      name: 'InvalidParameterException',
      message: 'The specified nextToken is invalid.',
    })
    await expect(get(setup, { logStreamName: 'none' })).rejects.toMatchObject({ name: 'ResourceNotFoundException' })
  })

  it('sees an event only after the delay between writing and reading', async () => {
    let now = NOW
    const setup = await setUp({ now: () => now, visibleAfterMs: 1_000 })
    await setup.put(events(1))
    expect(messages(await get(setup))).toEqual([])
    expect(await filterAll(setup)).toEqual([[]])
    now += 999
    expect(messages(await get(setup))).toEqual([])
    now += 1
    expect(messages(await get(setup))).toEqual(['event 0'])
    expect(await filterAll(setup)).toEqual([['event 0']])
  })
})

describe('FilterLogEvents of the local endpoint', () => {
  async function twoStreams(options = {}) {
    const setup = await setUp(options)
    setup.endpoint.ensure(GROUP, 'other')
    await setup.put(events(3))
    const logEvents = events(2, (index) => `other ${index}`)
    await setup.client.send(new PutLogEventsCommand({ logGroupName: GROUP, logStreamName: 'other', logEvents }))
    return setup
  }

  it('interleaves the streams of a group by time', async () => {
    const page = await filter(await twoStreams())
    expect(messages(page)).toEqual(['event 0', 'event 1', 'other 0', 'event 2', 'other 1'])
    expect(page.events?.[2]).toMatchObject({ logStreamName: 'other', timestamp: NOW - 1, ingestionTime: NOW })
    expect(new Set(page.events?.map(({ eventId }) => eventId)).size).toBe(5)
    expect(page.nextToken).toBeUndefined()
  })

  it('reads some streams only: by name, or by prefix', async () => {
    const setup = await twoStreams()
    expect(messages(await filter(setup, { logStreamNames: ['other'] }))).toEqual(['other 0', 'other 1'])
    expect(messages(await filter(setup, { logStreamNamePrefix: 'oth' }))).toEqual(['other 0', 'other 1'])
    await expect(filter(setup, { logStreamNames: ['none'] })).rejects.toMatchObject({
      name: 'ResourceNotFoundException',
    })
    await expect(filter(setup, { logStreamNames: ['other'], logStreamNamePrefix: 'o' })).rejects.toMatchObject({
      name: 'InvalidParameterException',
    })
  })

  it('includes startTime and, unlike GetLogEvents, endTime', async () => {
    const setup = await twoStreams()
    const page = await filter(setup, { logStreamNames: [STREAM], startTime: NOW - 1, endTime: NOW })
    expect(messages(page)).toEqual(['event 1', 'event 2'])
  })

  it('pages until there is no token', async () => {
    const pages = await filterAll(await twoStreams(), { limit: 2 })
    expect(pages).toEqual([['event 0', 'event 1'], ['other 0', 'event 2'], ['other 1']])
  })

  it('puts empty pages before every full one, and after the last, when asked to', async () => {
    const pages = await filterAll(await twoStreams({ emptyPages: 1 }), { limit: 3 })
    expect(pages).toEqual([[], ['event 0', 'event 1', 'other 0'], [], ['event 2', 'other 1'], [], []])
  })

  it('reads newest first when asked to, for times since 2024', async () => {
    const setup = await twoStreams()
    const input = { startFromHead: false, startTime: NOW - 10, limit: 3 }
    expect(await filterAll(setup, input)).toEqual([
      ['other 1', 'event 2', 'other 0'],
      ['event 1', 'event 0'],
    ])
    await expect(filter(setup, { startFromHead: false })).rejects.toMatchObject({ name: 'InvalidParameterException' })
  })

  it.each([
    ['', ['{"action":"A","user":{"pk":"7"},"n":5}', 'plain "A" text', '{"action":"B"}']],
    ['"text"', ['plain "A" text']],
    ['text plain', ['plain "A" text']],
    ['{ $.action = "A" }', ['{"action":"A","user":{"pk":"7"},"n":5}']],
    ['{$.user.pk="7"}', ['{"action":"A","user":{"pk":"7"},"n":5}']],
    ['{ $.n = 5 }', ['{"action":"A","user":{"pk":"7"},"n":5}']],
    ['{ $.n = "5" }', []],
    ['{ $.toString.length = 0 }', []],
  ])('finds by the pattern %s', async (filterPattern, found) => {
    const setup = await setUp()
    const texts = ['{"action":"A","user":{"pk":"7"},"n":5}', 'plain "A" text', '{"action":"B"}']
    await setup.put(texts.map((message) => ({ timestamp: NOW, message })))
    expect(messages(await filter(setup, { filterPattern }))).toEqual(found)
  })
  it('refuses a pattern that it does not know rather than guess', async () => {
    const setup = await setUp()
    await expect(filter(setup, { filterPattern: '{ $.n > 5 }' })).rejects.toMatchObject({
      name: 'InvalidParameterException',
    })
  })
})
