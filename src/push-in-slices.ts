import type { Settings } from '../config/settings'
import { flushSoon } from './flush-soon'
import type { EventLine, EventQueue } from './queue/queue'
import { doAtExit } from './spare-time'

/** Fewer lines than these are pushed without a look at their size. */
const MANY = 1_000

/**
 * Pushes the lines of one write. Those of very many rows go in parts of which several fit into the buffer, or they would
 * overflow it although Redis is there to take them.
 *
 * @returns undefined when all were pushed at once
 */
export function pushInSlices(
  queue: EventQueue,
  lines: readonly EventLine[],
  buffer: Pick<Settings, 'bufferEvents' | 'bufferBytes'>,
): Promise<void> | undefined {
  const slices = lines.length < MANY ? [] : slicesOf(lines, buffer)
  if (slices.length > 1) return pushSlices(queue, slices)
  queue.push(lines)
  return undefined
}

function slicesOf(
  lines: readonly EventLine[],
  { bufferEvents, bufferBytes }: Pick<Settings, 'bufferEvents' | 'bufferBytes'>,
): EventLine[][] {
  const slices: EventLine[][] = [[]]
  let bytes = 0
  for (const line of lines) {
    const last = slices.at(-1) ?? []
    // A character is three bytes at most.
    if (last.length >= bufferEvents / 8 || (bytes + line.length) * 3 > bufferBytes / 2) {
      slices.push([line])
      bytes = line.length
    } else {
      last.push(line)
      bytes += line.length
    }
  }
  return slices
}

async function pushSlices(queue: EventQueue, slices: readonly (readonly EventLine[])[]): Promise<void> {
  const left = slices.values()
  // Nobody waits any more: the buffer decides what is spilled or dropped.
  const undo = doAtExit(() => {
    for (const slice of left) queue.push(slice)
  })
  let patient = true
  try {
    for (const slice of left) {
      queue.push(slice)
      // The same where Redis takes nothing.
      if (patient) patient = await flushSoon(queue)
    }
  } finally {
    undo()
  }
}
