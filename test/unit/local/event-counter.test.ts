import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { EventCounter } from '../../../local/cloudwatch/counts'

const body = (messages: readonly string[]) =>
  Buffer.from(JSON.stringify({ logEvents: messages.map((message) => ({ timestamp: 1, message })) }))

describe('counting events without parsing', () => {
  it('counts the same however the body is cut into chunks', () => {
    const hostile = fc.constantFrom('"timestamp":', '{"timestamp":1}', '\\"timestamp\\":', 'timestamp', '€"', '')
    const messages = fc.array(fc.oneof(hostile, fc.string()), { maxLength: 8 })
    fc.assert(
      fc.property(messages, fc.integer({ min: 1, max: 40 }), (texts, size) => {
        const counter = new EventCounter()
        const bytes = body(texts)
        for (let at = 0; at < bytes.length; at += size) counter.add(bytes.subarray(at, at + size))
        expect(counter.count).toBe(texts.length)
      }),
    )
  })
})
