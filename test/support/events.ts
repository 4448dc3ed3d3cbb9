import { v7 } from 'uuid'

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
