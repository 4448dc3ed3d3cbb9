import { type Reader, readColumn } from './postgres-stream'
import type { UpdatePlan } from './postgres-update'
import { recordFields } from './record-text'
import { type RowChange, sameRaw } from './row'
import { type SentRow, sizeOf } from './write'

/** An updated row, as the server sent it. */
export class SentUpdate implements SentRow {
  readonly plan: UpdatePlan
  readonly values: readonly unknown[]
  /** Where the old values begin. */
  readonly at: number
  readonly readers: readonly Reader[]

  constructor(plan: UpdatePlan, values: readonly unknown[], at: number, readers: readonly Reader[]) {
    this.plan = plan
    this.values = values
    this.at = at
    this.readers = readers
  }

  get size(): number {
    return sizeOf(this.values)
  }

  read(): RowChange {
    return readUpdated(this)
  }
}

/** Whether nothing of the row was changed, which the texts tell unless a type has several for one value. */
export function isUnchanged({ plan, values, at }: SentUpdate): boolean {
  const { before, after, places } = plan
  const fresh = at + before.length
  for (let index = 0; index < before.length; index += 1) {
    if (values[at + index] !== values[fresh + (places[index] as number)]) return false
  }
  return typeof values[fresh + after.length] !== 'string'
}

/** Whether columns were changed that the statement does not set. */
export function hasMore({ plan, values, at }: SentUpdate): boolean {
  const { before, after, rest } = plan
  return rest.length > 0 && typeof values[at + before.length + after.length] === 'string'
}

function readUpdated({ plan, values, at, readers }: SentUpdate): UpdatedRow {
  const { before, after, rest, size, places } = plan
  const from = new Array<unknown>(size).fill(undefined)
  const to = new Array<unknown>(size).fill(undefined)
  const fresh = at + before.length
  const row: UpdatedRow = { before: from, after: to, changed: undefined }
  for (const [index, place] of after.entries()) to[place] = readColumn(values, fresh + index, readers)
  for (const [index, place] of before.entries()) {
    const same = values[at + index] === values[fresh + (places[index] as number)]
    from[place] = same ? to[place] : readColumn(values, at + index, readers)
    if (!same) noteChange(row, place)
  }
  // What is read of the new row only is as it was, unless the text says otherwise.
  if (after.length > before.length) for (const place of rest) from[place] = to[place]
  return row
}

interface UpdatedRow {
  readonly before: unknown[]
  readonly after: unknown[]
  changed: number[] | undefined
}

/** Of two texts that differ, what is read of them may hide the difference, or have lost it. */
function noteChange(row: UpdatedRow, place: number): void {
  if (!sameRaw(row.before[place], row.after[place])) return
  row.changed ??= []
  row.changed.push(place)
}

/** A row of which a trigger has changed more. */
export function readWithRest(sent: SentUpdate, readers: readonly Reader[]): RowChange {
  const { plan } = sent
  const { rest } = plan
  const row = readUpdated(sent)
  const text = String(sent.values[sent.at + plan.before.length + plan.after.length])
  const [from = [], to = []] = recordFields(text).map((fields) => recordFields(fields ?? ''))
  for (const [index, place] of rest.entries()) {
    row.before[place] = readColumn(from, index, readers)
    row.after[place] = readColumn(to, index, readers)
    if (from[index] !== to[index]) noteChange(row, place)
  }
  return row
}
