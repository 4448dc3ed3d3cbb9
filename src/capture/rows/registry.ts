import { AsyncLocalStorage } from 'node:async_hooks'
import type { DataSource, EntityManager, QueryRunner } from 'typeorm'
import type { Send, WriteBuilder } from './builder'

/** What takes the place of a write while its data source is attached. */
export interface Interception {
  execute(builder: WriteBuilder, original: () => Promise<unknown>): Promise<unknown>
  clear(manager: EntityManager, target: unknown, original: () => Promise<unknown>): Promise<unknown>
}

/** What takes the place of one query of a query runner. */
export type Replacement = (queryRunner: QueryRunner, send: Send, sql: string, parameters: unknown[]) => Promise<unknown>

export type WrapConnection = (connection: unknown) => unknown

/** A statement that is sent over a connection in another way than by the connection's own `query()`. */
export interface Sending {
  readonly sql: string
  readonly over: (connection: object, ...values: unknown[]) => unknown
}

/** A save(), remove(), softRemove() or recover() under way. */
export interface Persisting {
  /** Whether TypeORM will tell subscribers of its writes. */
  readonly listeners: boolean
  /** Whether TypeORM reads what the database makes of its inserts: else it tells of them without. */
  readonly reload: boolean
  /** Whether a row was given more than once: of each, TypeORM tells what it has loaded before all of them. */
  readonly repeats: boolean
  /** Rows whose events were captured from the statement, so that what subscribers are told is not captured again. */
  readonly handled: Set<string>
  /** What it has sent, if so. */
  readonly writes: Promise<unknown>[]
  /** Whether a subscriber or a listener runs: what it writes is not what TypeORM tells of this one. */
  readonly listening: boolean
}

/** What the patched methods of TypeORM look things up in. */
interface Registry {
  readonly active: WeakMap<DataSource, Interception>
  /** By the very list of parameters that a builder is about to hand to its query runner. */
  readonly expected: WeakMap<object, Replacement>
  /** What stands in for the connections of query runners that are about to ask for them. */
  readonly wraps: WeakMap<object, WrapConnection>
  /** Statements that query runners are about to send in another way than theirs. */
  readonly sendings: WeakMap<object, Set<Sending>>
  /** Query runners whose statements have to wait, until when. */
  readonly gates: WeakMap<object, Promise<void>>
  /** The query runners whose gates do not hold back what runs now. */
  readonly inside: AsyncLocalStorage<readonly object[]>
  readonly persisting: AsyncLocalStorage<Persisting>
  /** How many writes are under way, and what is to be undone when there are none. */
  running: number
  readonly undoing: (() => void)[]
  /** What was patched, with the number of attached data sources that need it. */
  readonly patched: Map<object, { users: number; undo: () => void }>
}

/** On globalThis, so that two copies of this package patch TypeORM once; those with another shape of it do it for themselves. */
const REGISTRY = Symbol.for('typeorm-audit-logger.interceptions.v1')

export function registry(): Registry {
  const holder = globalThis as { [REGISTRY]?: Registry }
  holder[REGISTRY] ??= {
    active: new WeakMap(),
    expected: new WeakMap(),
    wraps: new WeakMap(),
    sendings: new WeakMap(),
    gates: new WeakMap(),
    inside: new AsyncLocalStorage(),
    persisting: new AsyncLocalStorage(),
    running: 0,
    undoing: [],
    patched: new Map(),
  }
  return holder[REGISTRY]
}
