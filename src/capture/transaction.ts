import type { CapturedEvent } from '../recorder'

/** Events captured since a savepoint, or since the beginning of the transaction. */
export interface Frame {
  /** Undefined for the outermost frame, unless a savepoint began the transaction (SQLite). */
  readonly savepoint: string | undefined
  events: CapturedEvent[]
}

/** Nothing is known yet of the connection: only TypeORM can say whether a transaction is open on it. */
export interface Untracked {
  readonly kind: 'untracked'
}

/** The end of a transaction was seen, and no beginning since. */
export interface Idle {
  readonly kind: 'idle'
}

export interface Open {
  readonly kind: 'open'
  readonly frames: Frame[]
  /** Found open, its beginning not seen: then TypeORM's own hooks may be the only sign of its end. */
  readonly adopted: boolean
  /** The server tells after each statement whether the transaction is still open, and was right when it began. */
  readonly trusted: boolean
  /** Autocommit is off (MySQL): with the end of this transaction the next one begins. */
  readonly standing: boolean
  /** Begun by this package: its events belong to no transaction that the application knows of. */
  readonly own: boolean
  /** Whether there was ever an event in it. */
  holds: boolean
}

export type TransactionState = Untracked | Idle | Open

export const UNTRACKED: Untracked = { kind: 'untracked' }
export const IDLE: Idle = { kind: 'idle' }

interface Beginning {
  savepoint?: string
  adopted?: boolean
  trusted?: boolean
  standing?: boolean
  own?: boolean
}

export function begin(beginning: Beginning = {}): Open {
  const { savepoint, adopted = false, trusted = false, standing = false, own = false } = beginning
  return { kind: 'open', frames: [{ savepoint, events: [] }], adopted, trusted, standing, own, holds: false }
}

/** What follows the end of a transaction, or of none. */
export function next(ended: TransactionState, chain = false): Idle | Open {
  const standing = ended.kind === 'open' && ended.standing
  return chain || standing ? begin({ trusted: standing, standing }) : IDLE
}

export function hold(open: Open, events: readonly CapturedEvent[]): void {
  const held = open.frames.at(-1)?.events
  for (const event of events) held?.push(event)
}

export function setSavepoint(open: Open, savepoint: string): void {
  open.frames.push({ savepoint, events: [] })
}

/** What was captured since the savepoint now belongs to what surrounds it. Answers whether that was the transaction. */
export function releaseSavepoint(open: Open, savepoint: string): 'released' | 'committed' {
  const index = frameOf(open, savepoint)
  if (index === 0) return 'committed'
  if (index > 0) {
    const released = open.frames.splice(index)
    for (const frame of released) hold(open, frame.events)
  }
  return 'released'
}

/** Drops what was captured since the savepoint, which stays set. All of it, when the savepoint was set before we looked. */
export function rollBackTo(open: Open, savepoint: string): void {
  const index = Math.max(frameOf(open, savepoint), 0)
  open.frames.splice(index + 1)
  const frame = open.frames[index]
  if (frame !== undefined) frame.events = []
}

/** Everything that is held, in the order of capture. */
export function held({ frames }: Open): readonly CapturedEvent[] {
  const [only] = frames
  return only !== undefined && frames.length === 1 ? only.events : frames.flatMap(({ events }) => events)
}

function frameOf(open: Open, savepoint: string): number {
  return open.frames.findLastIndex((frame) => frame.savepoint === savepoint)
}
