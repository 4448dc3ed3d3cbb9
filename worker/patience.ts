import { AuditError } from '../config/errors'
import type { FlushSide } from './delivery'
import { backoffMs, pause } from './pause'

/** How long one batch is tried for: so long after the last time that something of it became known. */
export class Patience {
  readonly #side: Pick<FlushSide, 'stop' | 'lost'>
  readonly #ms: number
  readonly #region: string
  #until: number
  #isBegun = false
  /** Attempts since something became known. */
  tries = 0
  cause = 'the circuit breaker is open'
  isUnreachable = false
  /** Ends a wait, and forbids a new attempt. */
  readonly ended: AbortSignal

  constructor(side: Pick<FlushSide, 'stop' | 'lost'>, ms: number, region: string) {
    this.#side = side
    this.#ms = ms
    this.#region = region
    this.#until = performance.now() + ms
    this.ended = AbortSignal.any([side.stop, side.lost])
  }

  /** By `performance.now()`. */
  get until(): number {
    return this.#until
  }

  begin(): void {
    this.#isBegun = true
    this.tries += 1
  }

  progress(): void {
    this.tries = 0
    this.#until = performance.now() + this.#ms
  }

  /** Waits, unless that would be longer than a flush may try; then it ends now, and the next one goes on. */
  async wait(ms: number): Promise<void> {
    if (performance.now() + ms > this.#until) throw this.over()
    await pause(ms, this.ended)
  }

  async backOff(): Promise<void> {
    await pause(backoffMs(this.tries), this.ended)
  }

  /** @throws AuditError when no further attempt may be made */
  check(): void {
    const isLate = this.tries > 0 && performance.now() > this.#until
    if (isLate || this.#isStopped()) throw this.over()
  }

  /** A batch that was just marked is sent even so: otherwise the next worker would look for what was never sent. */
  #isStopped(): boolean {
    return this.#side.lost.aborted || (this.#side.stop.aborted && this.#isBegun)
  }

  /** Why it ended. */
  over(): AuditError {
    if (this.#isStopped()) return new AuditError('AUDIT_FLUSH_STOPPED')
    const code = this.isUnreachable ? 'AUDIT_CLOUDWATCH_UNREACHABLE' : 'AUDIT_CLOUDWATCH_UNAVAILABLE'
    return new AuditError(code, { cause: this.cause, region: this.#region })
  }
}
