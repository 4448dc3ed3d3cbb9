import type { Entry } from './entry'
import { PUT_LIMITS } from './limits'

/** Cuts entries into runs that one PutLogEvents call each may carry. They come, and stay, sorted by time. */
export function cutCalls(entries: readonly Entry[]): (readonly Entry[])[] {
  if (fitsOneCall(entries)) return entries.length > 0 ? [entries] : []
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

function fitsOneCall(entries: readonly Entry[]): boolean {
  const [first, last] = [entries[0], entries.at(-1)]
  if (first === undefined || last === undefined) return true
  if (entries.length > PUT_LIMITS.events || last.timestamp - first.timestamp > PUT_LIMITS.spanMs) return false
  let bytes = 0
  for (const entry of entries) bytes += entry.bytes
  return bytes <= PUT_LIMITS.bytes
}
