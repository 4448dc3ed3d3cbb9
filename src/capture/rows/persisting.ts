import { AsyncLocalStorage } from 'node:async_hooks'

/** A save(), remove(), softRemove() or recover() under way. */
export interface Persisting {
  /** Whether TypeORM will tell subscribers of its writes. */
  readonly listeners: boolean
  /** Rows whose events were captured from the statement, so that what subscribers are told is not captured again. */
  readonly handled: Set<string>
}

const storage = new AsyncLocalStorage<Persisting>()

/** @param values what the method was given; its options are the last of them */
export function runPersisting<T>(values: readonly unknown[], run: () => T): T {
  const listeners = !values
    .slice(1)
    .some((one) => (one as { listeners?: unknown } | null | undefined)?.listeners === false)
  return storage.run({ listeners, handled: new Set() }, run)
}

export function persisting(): Persisting | undefined {
  return storage.getStore()
}

export function rowMark(table: string, pk: string | undefined): string {
  return `${table} ${pk}`
}
