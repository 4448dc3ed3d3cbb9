import { CloudWatchLogsClient } from '@aws-sdk/client-cloudwatch-logs'
import { describe, expect, it } from 'vitest'
import { loadWorkerSettings } from '../../../config/settings'
import { cutBatch } from '../../../worker/batch'
import { Destination } from '../../../worker/destination'
import { elementsOf, eventLine } from '../../support/events'
import { keptLogger } from '../../support/kept-logger'

/** A client whose requests go nowhere and are answered as CloudWatch does, with the body of each. */
function clientThatKeeps(contentType?: string) {
  const bodies: string[] = []
  const client = new CloudWatchLogsClient({
    region: 'eu-central-1',
    credentials: { accessKeyId: 'AKIAINVENTED', secretAccessKey: 'invented' },
    requestHandler: {
      handle: async ({ body }: { body?: unknown }) => {
        bodies.push(Buffer.from(body as Uint8Array).toString())
        const headers = { 'content-type': 'application/x-amz-json-1.1' }
        return { response: { statusCode: 200, headers, body: new TextEncoder().encode('{}') } }
      },
    },
  })
  if (contentType !== undefined) {
    client.middlewareStack.add(
      (next) => (args) => {
        Object.assign((args.request as { headers: object }).headers, { 'content-type': contentType })
        return next(args)
      },
      { step: 'serialize', priority: 'low' },
    )
  }
  return { client, bodies }
}

const settings = loadWorkerSettings(
  { region: 'eu-central-1', groupName: 'audit', streamName: 'shop', logger: keptLogger() },
  {},
)
const lines = [eventLine({ content: { text: 'Grüße "😀"' } }), eventLine({})]
const { entries } = cutBatch(elementsOf(lines))
const sentBy = async (contentType?: string) => {
  const { client, bodies } = clientThatKeeps(contentType)
  const destination = new Destination(client, settings)
  const outcomes = [
    await destination.put(entries, AbortSignal.any([])),
    await destination.put(entries, AbortSignal.any([])),
  ]
  return { kinds: outcomes.map(({ kind }) => kind), bodies }
}

describe('a call of PutLogEvents', () => {
  it('carries every event', async () => {
    const { kinds, bodies } = await sentBy()
    expect(kinds).toEqual(['stored', 'stored'])
    const messages = bodies.map((body) => (JSON.parse(body) as { logEvents: { message: string }[] }).logEvents)
    expect(messages.map((some) => some.map(({ message }) => message))).toEqual([lines, lines])
  })

  it('carries every event too where the SDK speaks another protocol than JSON: it then writes the body itself', async () => {
    const [own, sdk] = [await sentBy(), await sentBy('application/cbor')]
    expect(sdk.kinds).toEqual(['stored', 'stored'])
    expect(sdk.bodies).toEqual(own.bodies)
  })
})
