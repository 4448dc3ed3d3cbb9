import type { Entry } from './entry'
import { PUT_LIMITS } from './limits'

/** Cuts entries into runs that one PutLogEvents call each may carry. They come, and stay, sorted by time. */
export function cutCalls(entries: readonly Entry[]): Entry[][] {
  const calls: Entry[][] = []
  let call: Entry[] = []
  let bytes = 0
  for (const entry of entries) {
    const first = call[0]
    const full = call.length === PUT_LIMITS.events || bytes + entry.bytes > PUT_LIMITS.bytes
    if (first !== undefined && (full || entry.timestamp - first.timestamp > PUT_LIMITS.spanMs)) {
      calls.push(call)
      call = []
      bytes = 0
    }
    call.push(entry)
    bytes += entry.bytes
  }
  if (call.length > 0) calls.push(call)
  return calls
}
