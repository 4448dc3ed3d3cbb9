import { v7 } from 'uuid'
import { Elements } from '../../src/queue/elements'

/** An event's line as the package makes it, about `bytes` long. */
export function eventLine(options: { date?: Date; bytes?: number; action?: string; content?: object } = {}): string {
  const { date = new Date(), bytes = 0, action = 'TEST', content = {} } = options
  const event = { v: 1, id: v7(), date: date.toISOString(), action, content: { ...content, padding: '' } }
  const bare = JSON.stringify(event).length
  return JSON.stringify({ ...event, content: { ...content, padding: 'x'.repeat(Math.max(0, bytes - bare)) } })
}

export function idOf(line: string): string {
  return (JSON.parse(line) as { id: string }).id
}

/** Elements as they are peeked, in pieces of at most three. */
export function elementsOf(elements: readonly (string | Buffer)[]): Elements {
  const bytes = elements.map((element) => Buffer.from(element as string))
  const pieces: Buffer[] = []
  for (let i = 0; i < bytes.length; i += 3) pieces.push(Buffer.concat(bytes.slice(i, i + 3)))
  return new Elements(
    pieces,
    bytes.map(({ length }) => length),
  )
}

export function textsOf(elements: Elements): string[] {
  return Array.from({ length: elements.count }, (_, i) => elements.text(i))
}
