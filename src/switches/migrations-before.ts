import type { DataSource } from 'typeorm'
import { recordsMigrations } from './migrations'

type Method = (...values: unknown[]) => Promise<unknown>
type Methods = Record<'runMigrations' | 'undoLastMigration', Method>

const WATCHED = Symbol.for('typeorm-audit-logger.migrations-watched')

/**
 * Lets a logger attach to a data source before that runs its first migration: for `AuditSubscriber`, which TypeORM tells
 * of its data source only with the first query, when the migrations run already. Patches the class once.
 */
export function watchMigrationsBefore(prototype: object, attach: (dataSource: DataSource) => void): void {
  if (Object.hasOwn(prototype, WATCHED)) return
  Object.defineProperty(prototype, WATCHED, { value: true })
  const methods = prototype as Methods
  for (const name of ['runMigrations', 'undoLastMigration'] as const) {
    const original = methods[name]
    methods[name] = function watched(this: DataSource, ...values) {
      // Called by the data source's own method, which records.
      if (recordsMigrations(this)) return original.apply(this, values)
      attach(this)
      return recordsMigrations(this) ? (this as unknown as Methods)[name](...values) : original.apply(this, values)
    }
  }
}
