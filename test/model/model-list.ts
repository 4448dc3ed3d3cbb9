import type { RealState } from './real-list'

/** A right to the list as its holder remembers it, which says nothing about whether it is still worth something. */
export interface ModelLease {
  readonly owner: string
  readonly token: number
}

export type ModelMove = { readonly index: number; readonly to: 'dead' | 'deferred' }

/** What a pending list with its lease should be: plain arrays and numbers, no Redis, nothing shared with the scripts. */
export class ModelList {
  readonly pending: string[] = []
  readonly stored: string[] = []
  readonly dead: string[] = []
  /** In the order in which they come back: by the time they are due, which rises with every move here. */
  readonly deferred: string[] = []
  /** How many of them, from the first, are due. */
  due = 0
  owner = ''
  expired = true
  token = 0
  base = 0
  sent = 0
  /** Calls in a row that the log stream did not take. */
  failures = 0
  /** Before this position, events may be stored with a timestamp from this time on. */
  late = { to: 0, since: 0 }
  moved = { dead: 0, deferred: 0 }
  /** How often somebody tried who did not hold the lease, and how many events came back from being deferred. */
  refused = 0
  readmitted = 0
  /** Everything ever pushed, in order. */
  readonly accepted: string[] = []

  holds(lease: ModelLease): boolean {
    return lease.owner === this.owner && lease.token === this.token
  }

  push(elements: readonly string[]): void {
    this.pending.push(...elements)
    this.accepted.push(...elements)
  }

  canAcquire(owner: string): boolean {
    return this.owner === '' || this.owner === owner || this.expired
  }

  acquire(owner: string): void {
    this.owner = owner
    this.token += 1
    this.expired = false
  }

  mark(position: number): void {
    this.sent = Math.max(this.sent, position)
  }

  /** False, and nothing done, for an outcome that was found for another head of the list. */
  settle(base: number, n: number, moves: readonly ModelMove[]): boolean {
    if (base !== this.base) return false
    for (const [index, element] of this.pending.slice(0, n).entries()) {
      const to = moves.find((move) => move.index === index)?.to
      if (to === undefined) this.stored.push(element)
      else {
        this[to].push(element)
        this.moved[to] += 1
      }
    }
    this.pending.splice(0, n)
    this.base += n
    this.sent = Math.max(this.sent, this.base)
    return true
  }

  /** What was said of events that have left the list since does not count any more. */
  stamp(to: number, since: number): void {
    const { late } = this
    this.late = late.to > this.base ? { to: Math.max(late.to, to), since: Math.min(late.since, since) } : { to, since }
  }

  readmit(most: number): number {
    const due = this.deferred.splice(0, Math.min(most, this.due))
    this.due -= due.length
    this.pending.push(...due)
    this.readmitted += due.length
    return due.length
  }

  release(): void {
    this.owner = ''
    this.expired = true
  }

  state(): RealState {
    const { pending, owner, token, base, sent, failures, late, dead, deferred, moved } = this
    const stats = { stored: this.stored.length, ...moved }
    return { pending, owner, token, base, sent, failures, late, dead, deferred, stats }
  }
}
