import { createHash, randomBytes } from 'node:crypto'
import { mkdirSync, rmSync, statSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { EventLine } from './queue'
import type { Report } from './rare-report'
import { lockFile, SpillLock } from './spill-lock'
import { encodeRecord, type Guard } from './spill-record'
import { type SpilledLines, SpillSet } from './spill-set'

/** After a failure; a full disk must not be asked for every event. */
const RETRY_MS = 1_000
const MOST_FAILURES = 3
/** Between the making of a socket and its first answer lies less than this, and much less. */
const STALE_MS = 60_000

export interface SpillOptions {
  readonly directory: string
  readonly prefix: string
  /** The most that the files of this process may take. */
  readonly bytes: number
  readonly report: Report
}

export interface Spilled extends SpilledLines {
  readonly set: SpillSet
}

/**
 * What does not fit into memory, in files: those of this process, and those of dead ones, which it adopts. A directory
 * is named `<prefix>-<lock>-<birth>`; it belongs to the process that holds the lock, and is adopted by renaming it.
 */
export class Spill {
  readonly #options: SpillOptions
  readonly #prefix: string
  #lock: SpillLock | undefined
  #own: SpillSet | undefined
  #adopted: SpillSet[] = []
  #scanning: Promise<void> | undefined
  #retryAt = 0
  /** What the files took when there was no room for more. */
  #fullAt = Number.POSITIVE_INFINITY
  /** Lines written by this process and not settled. */
  waiting = 0
  /** Lines written by this process that will not come back: told once, by `takeLost`. */
  #lost = 0

  constructor(options: SpillOptions) {
    this.#options = options
    this.#prefix = createHash('sha256').update(options.prefix).digest('hex').slice(0, 16)
  }

  get isEmpty(): boolean {
    return this.#own === undefined && this.#adopted.length === 0
  }

  /** False when it is known already that nothing can be written now. */
  get canWrite(): boolean {
    const { bytes } = this
    return performance.now() >= this.#retryAt && bytes < this.#fullAt && bytes < this.#options.bytes
  }

  get bytes(): number {
    return [...this.#adopted, ...(this.#own ? [this.#own] : [])].reduce((sum, set) => sum + set.bytes, 0)
  }

  /** How many bytes may still be written. */
  get room(): number {
    return Math.max(0, this.#options.bytes - this.bytes)
  }

  /** Writes all of the lines or none, behind those written before. Never throws; false when it cannot. */
  write(lines: readonly EventLine[], unless?: Guard): boolean {
    return this.#write(lines, unless, () => {
      this.#own ??= SpillSet.create(this.#name(birthNow()))
      return this.#own
    })
  }

  /** The same, but they come before those written so far. */
  writeFirst(lines: readonly EventLine[], unless?: Guard): boolean {
    const { birth } = this.#own ?? {}
    if (birth === undefined) return this.write(lines, unless)
    const before = String(Number.parseInt(birth, 10) - 1).padStart(13, '0')
    return this.#write(lines, unless, () => {
      const set = SpillSet.create(this.#name(`${before}-${random()}`))
      this.#adopted.push(set)
      return set
    })
  }

  #write(lines: readonly EventLine[], unless: Guard | undefined, setFor: () => SpillSet): boolean {
    if (!this.canWrite) return false
    const records = Buffer.from(lines.map((line) => encodeRecord(line, unless)).join(''))
    if (records.length > this.room) {
      this.#fullAt = this.bytes
      this.#options.report('error', 'AUDIT_SPILL_FULL', { bytes: this.#options.bytes })
      return false
    }
    try {
      setFor().append(records)
      this.waiting += lines.length
      this.#fullAt = Number.POSITIVE_INFINITY
      return true
    } catch (error) {
      this.#retryAt = performance.now() + RETRY_MS
      this.#failed(error)
      if (this.#own?.isGone) this.#forget(this.#own, error)
      return false
    }
  }

  /**
   * The next lines to push: of dead processes first, the oldest before, then of this one. Undefined when there are none.
   *
   * @throws when a file cannot be read; after the third time in a row it is left where it is
   */
  next(most: number): Spilled | undefined {
    for (const set of [...this.#adopted, ...(this.#own ? [this.#own] : [])]) {
      try {
        const lines = set.next(most)
        set.failures = 0
        if (lines !== undefined) return { ...lines, set }
        this.#finish(set)
      } catch (error) {
        set.failures += 1
        this.#failed(error)
        if (set.failures >= MOST_FAILURES || set.isGone) this.#forget(set, error)
        throw error
      }
    }
    return undefined
  }

  /** They are in Redis. */
  settle({ set, end, records, damaged, file }: Spilled): void {
    if (damaged > 0) this.#options.report('warn', 'AUDIT_SPILL_DAMAGED', { count: damaged, file })
    if (!set.isAdopted) this.waiting -= records.length
    set.settle(end)
    if (set.isDone) this.#finish(set)
  }

  /** How many lines were lost since this was asked last. */
  takeLost(): number {
    const lost = this.#lost
    this.#lost = 0
    return lost
  }

  /** Adopts what dead processes left behind. Never throws. */
  scan(): Promise<void> {
    this.#scanning ??= this.#scan()
      .catch((error: unknown) => this.#failed(error))
      .finally(() => {
        this.#scanning = undefined
      })
    return this.#scanning
  }

  /** What is left is on the disk; the next process may adopt it. */
  async close(): Promise<void> {
    await this.#scanning
    this.leave()
    await this.#lock?.release()
  }

  /** The part of `close()` that a process can still do when it exits. */
  leave(): void {
    for (const set of [...this.#adopted, ...(this.#own ? [this.#own] : [])]) {
      try {
        set.leave()
      } catch (error) {
        this.#failed(error)
      }
    }
  }

  async #scan(): Promise<void> {
    const { directory } = this.#options
    const mine = this.#locked().id
    const names = await readdir(directory)
    const sets = names.flatMap((name) => {
      const [, prefix, lock = '', birth = ''] = /^([0-9a-f]{16})-([0-9a-f]{16})-(\d{13}-[0-9a-f]{8})$/.exec(name) ?? []
      return prefix === this.#prefix && lock !== mine ? [{ name, lock, birth }] : []
    })
    const held = new Map<string, boolean>()
    for (const { name, lock, birth } of sets.sort((a, b) => (a.birth < b.birth ? -1 : 1))) {
      if (!held.has(lock)) held.set(lock, await SpillLock.isHeld(directory, lock))
      if (held.get(lock)) continue
      try {
        this.#adopted.push(SpillSet.adopt(join(directory, name), this.#name(birth)))
      } catch (error) {
        // Another process has adopted it first.
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT') this.#failed(error)
      }
    }
    this.#adopted.sort((a, b) => (a.birth < b.birth ? -1 : 1))
    await this.#removeStaleLocks(names, mine)
  }

  /** What killed processes leave; their files are adopted, or belong to another prefix, which needs no lock file. */
  async #removeStaleLocks(names: readonly string[], mine: string): Promise<void> {
    const { directory } = this.#options
    for (const name of names) {
      const [, id] = /^([0-9a-f]{16})\.lock$/.exec(name) ?? []
      if (id === undefined || id === mine) continue
      const file = lockFile(directory, id)
      const age = Date.now() - (statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? Date.now())
      if (age > STALE_MS && !(await SpillLock.isHeld(directory, id))) rmSync(file, { force: true })
    }
  }

  #locked(): SpillLock {
    if (this.#lock === undefined) {
      // Only for the user it runs as: events may hold personal data.
      mkdirSync(this.#options.directory, { recursive: true, mode: 0o700 })
      this.#lock = new SpillLock(this.#options.directory)
    }
    return this.#lock
  }

  #name(birth: string) {
    return { birth, directory: join(this.#options.directory, `${this.#prefix}-${this.#locked().id}-${birth}`) }
  }

  #finish(set: SpillSet): void {
    if (set === this.#own) {
      // Lines that turned out damaged are not waited for any longer.
      this.#lost += this.waiting
      this.waiting = 0
    }
    this.#drop(set)
    try {
      set.remove()
    } catch (error) {
      this.#failed(error)
    }
  }

  #forget(set: SpillSet, error: unknown): void {
    const count = set === this.#own ? this.waiting : 0
    this.#drop(set)
    if (count === 0) return
    this.#lost += count
    this.waiting = 0
    this.#options.report('error', 'AUDIT_SPILL_LOST', {
      count,
      directory: this.#options.directory,
      problem: (error as Error).message,
    })
  }

  #drop(set: SpillSet): void {
    if (set === this.#own) this.#own = undefined
    this.#adopted = this.#adopted.filter((one) => one !== set)
  }

  #failed(error: unknown): void {
    const { directory } = this.#options
    this.#options.report('error', 'AUDIT_SPILL_FAILED', { directory, problem: (error as Error).message })
  }
}

function birthNow(): string {
  return `${String(Date.now()).padStart(13, '0')}-${random()}`
}

function random(): string {
  return randomBytes(4).toString('hex')
}
