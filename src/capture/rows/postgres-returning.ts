import type { EntityMetadata } from 'typeorm'
import type { WriteBuilder } from './builder'
import { layoutOf, type Row, rootOf } from './row'
import { returning } from './statements'

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

/** @param at where the added columns begin */
export function readRow({ places }: RowPlan, values: readonly unknown[], at: number): Row {
  return places.map((place) => values[place < 0 ? at - 1 - place : place])
}
