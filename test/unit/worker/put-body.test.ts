import { CloudWatchLogsClient, PutLogEventsCommand } from '@aws-sdk/client-cloudwatch-logs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { cutBatch } from '../../../worker/batch'
import type { Entry } from '../../../worker/entry'
import { lateCopies } from '../../../worker/late'
import { putBody } from '../../../worker/put-body'
import { elementsOf, eventLine } from '../../support/events'

/** What the SDK itself sends. */
async function bodyOfSdk(name: { logGroupName: string; logStreamName: string }, entries: readonly Entry[]) {
  const bodies: Uint8Array[] = []
  const client = new CloudWatchLogsClient({
    region: 'eu-central-1',
    credentials: { accessKeyId: 'AKIAINVENTED', secretAccessKey: 'invented' },
    requestHandler: {
      handle: async ({ body }: { body?: unknown }) => {
        bodies.push(body as Uint8Array)
        throw new Error('not sent')
      },
    },
    maxAttempts: 1,
  })
  const logEvents = entries.map(({ timestamp, line }) => ({ timestamp, message: line }))
  await client.send(new PutLogEventsCommand({ ...name, logEvents })).catch(() => undefined)
  return Buffer.from(bodies[0] ?? []).toString()
}

const NAME = { logGroupName: 'audit', logStreamName: 'laden-ü-€-"\\-😀' }

describe('the body of a PutLogEvents call', () => {
  it('is byte for byte what the SDK would have sent', async () => {
    const text = 'Überweisung "bezahlt" \\ 😀 \u2028\u007f\n\t'
    const own = [eventLine({ content: { text } }), eventLine({ bytes: 5_000 }), eventLine({ action: 'A"\\B' })]
    // Of the same day as the others, or it would not be in their batch.
    const date = new Date().toISOString()
    const spaced = `{ "v": 1,\n\t"id": "order-7", "date": "${date}", "action": "Ä" }`
    const { entries } = cutBatch(elementsOf([...own, spaced, ...own]))
    expect(entries).toHaveLength(7)
    const now = Date.now()
    for (const some of [entries, entries.slice(0, 1), entries.flatMap((entry) => lateCopies(entry, 'too_old', now))]) {
      expect(putBody(NAME, some).toString()).toBe(await bodyOfSdk(NAME, some))
    }
  })

  it('holds every line as it stands on the list, whatever its texts hold', () => {
    const value = fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom('"'.repeat(300), '\\'.repeat(300), '€'))
    fc.assert(
      fc.property(fc.array(value, { minLength: 1, maxLength: 10 }), (values) => {
        const lines = values.map((text) => eventLine({ date: new Date(1), content: { text } }))
        const { entries } = cutBatch(elementsOf(lines))
        const body = JSON.parse(putBody(NAME, entries).toString()) as { logEvents: unknown[] }
        expect(body).toEqual({ ...NAME, logEvents: lines.map((message) => ({ timestamp: 1, message })) })
      }),
      { numRuns: 50 },
    )
  })

  it('holds the parts of a large event', async () => {
    const { entries } = cutBatch(elementsOf([eventLine({ bytes: 1_500_000, content: { text: '€"' } })]))
    expect(entries.length).toBeGreaterThan(1)
    for (const entry of entries) expect(putBody(NAME, [entry]).toString()).toBe(await bodyOfSdk(NAME, [entry]))
  })
})
