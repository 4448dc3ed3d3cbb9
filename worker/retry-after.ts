/** Whoever answers for AWS may be mistaken, and a worker that waits for years delivers nothing. */
const LONGEST_MS = 60 * 60 * 1000

/**
 * The `Retry-After` header in milliseconds: whole seconds or an HTTP date; 0 when there is none that can be read.
 * @see https://www.rfc-editor.org/rfc/rfc9110#field.retry-after
 */
export function retryAfterMs(header: string | undefined, nowMs = Date.now()): number {
  const text = header?.trim() ?? ''
  if (text === '') return 0
  const ms = /^\d+(\.\d+)?$/.test(text) ? Number(text) * 1000 : Date.parse(text) - nowMs
  return ms > 0 ? Math.min(ms, LONGEST_MS) : 0
}
