import type { QueryRunner } from 'typeorm'
import { registry, type Sending, type WrapConnection } from './registry'
import { turn } from './turn'

/**
 * Lets a query runner's own `query()` work with another connection than it has, so that it logs, tells subscribers and
 * wraps errors as always. It asks for its connection before it first waits, so nobody else is given this one.
 */
export function withConnection<T>(queryRunner: QueryRunner, wrap: WrapConnection, run: () => T): T {
  const { wraps } = registry()
  wraps.set(queryRunner, wrap)
  try {
    return run()
  } finally {
    wraps.delete(queryRunner)
  }
}

/**
 * The same for one statement, whichever others the query runner sends before it: one of a class of the application's may
 * set its tenant first.
 */
export async function sendOver<T>(queryRunner: QueryRunner, sending: Sending, send: () => Promise<T>): Promise<T> {
  const { sendings } = registry()
  const all = sendings.get(queryRunner) ?? new Set()
  sendings.set(queryRunner, all.add(sending))
  try {
    return await send()
  } finally {
    all.delete(sending)
  }
}

/** The connection, but for statements that are to be sent in another way, each once. */
export function sendingOver(connection: object, all: Set<Sending>): object {
  const query = (...values: unknown[]): unknown => {
    for (const sending of all) {
      if (!String(values[0]).includes(sending.sql)) continue
      all.delete(sending)
      return sending.over(connection, ...values)
    }
    return (connection as { query(...values: unknown[]): unknown }).query(...values)
  }
  return Object.create(connection, { query: { value: query } }) as object
}

/**
 * Runs what takes several statements while all others of the query runner wait, in the order in which they were sent:
 * the application may send several at once, of which none may come between, and none may overtake.
 */
export async function exclusively<T>(queryRunner: QueryRunner, run: () => Promise<T>): Promise<T> {
  const { gates, inside } = registry()
  const open = inside.getStore() ?? []
  // A subscriber to queries may write in the midst of one: it would wait for itself.
  if (open.includes(queryRunner)) return run()
  while (gates.has(queryRunner)) await gates.get(queryRunner)
  const { promise, done } = turn()
  gates.set(queryRunner, promise)
  try {
    return await inside.run([...open, queryRunner], run)
  } finally {
    gates.delete(queryRunner)
    done()
  }
}
