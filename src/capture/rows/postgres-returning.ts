import type { EntityMetadata } from 'typeorm'
import type { WriteBuilder } from './builder'
import { type Reader, readColumn } from './postgres-stream'
import { layoutOf, type RowChange, rootOf } from './row'
import { returning } from './statements'
import { type SentRow, sizeOf } from './write'

/** How a row is read from what an INSERT or DELETE returns. */
export interface RowPlan {
  /** What is returned behind TypeORM's own columns. */
  readonly list: string
  /** How many columns that are. */
  readonly added: number
  /** Where each column of the layout stands: among TypeORM's own, or, counted from -1 downwards, among those added. */
  readonly places: readonly number[]
}

const plans = new WeakMap<EntityMetadata, Map<string, RowPlan>>()

/** The builder's INSERT or DELETE, returning every column: those that TypeORM has returned itself only once. */
export function returningRow(
  builder: WriteBuilder,
  metadata: EntityMetadata,
): { sql: string; parameters: unknown[]; plan: RowPlan } {
  let plan: RowPlan | undefined
  const [sql, parameters] = returning(builder, (own) => {
    plan = planOf(builder, metadata, own)
    return plan.list
  })
  if (plan === undefined) throw new TypeError('TypeORM did not ask the builder for what it returns')
  return { sql, parameters, plan }
}

function planOf(builder: WriteBuilder, metadata: EntityMetadata, own: string): RowPlan {
  const root = rootOf(metadata)
  const known = plans.get(root) ?? new Map<string, RowPlan>()
  plans.set(root, known)
  const found = known.get(own)
  if (found !== undefined) return found
  const columns = own.split(', ')
  const simple = columns.every((column) => /^"[^"]+"$/.test(column))
  const list: string[] = []
  const places = layoutOf(metadata).names.map((name) => {
    const quoted = builder.escape(name)
    const place = simple ? columns.indexOf(quoted) : -1
    if (place !== -1) return place
    list.push(quoted)
    return -list.length
  })
  const plan = { list: list.join(', '), added: list.length, places }
  // What an application has returned may be another text each time.
  if (known.size >= 100) known.clear()
  known.set(own, plan)
  return plan
}

/** An inserted or deleted row, as the server sent it. */
export class SentWhole implements SentRow {
  readonly #plan: RowPlan
  readonly #values: readonly unknown[]
  readonly #at: number
  readonly #readers: readonly Reader[]
  readonly #deleted: boolean

  /** @param at where the added columns begin */
  constructor(
    plan: RowPlan,
    { values, at, readers }: { values: readonly unknown[]; at: number; readers: readonly Reader[] },
    deleted: boolean,
  ) {
    this.#plan = plan
    this.#values = values
    this.#at = at
    this.#readers = readers
    this.#deleted = deleted
  }

  get size(): number {
    return sizeOf(this.#values)
  }

  read(): RowChange {
    const row = this.#plan.places.map((place) =>
      readColumn(this.#values, place < 0 ? this.#at - 1 - place : place, this.#readers),
    )
    return this.#deleted ? { before: row } : { after: row }
  }
}
