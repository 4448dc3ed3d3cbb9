import {
  closeSync,
  existsSync,
  fdatasync,
  fdatasyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { decodeRecords, type ReadRecord } from './spill-record'

/** Small enough that what is replayed gives its room back soon. */
const SEGMENT_BYTES = 16 * 1024 * 1024
const READ_BYTES = 1024 * 1024
/** How long what was written may be in the machine's memory only. */
const SYNC_MS = 1_000

/** One file, named after the position of its first byte. */
interface Segment {
  readonly base: number
  size: number
}

/** Where it lies and since when. */
export interface SetName {
  readonly directory: string
  readonly birth: string
}

export interface SpilledLines {
  /** `end` counts from the start of the set. */
  readonly records: readonly ReadRecord[]
  /** What is passed over by settling this. */
  readonly end: number
  readonly damaged: number
  readonly file: string
}

/**
 * The lines that one process wrote down, oldest first: files in one directory. Positions are bytes since the first
 * file's beginning and never start again, so that one number says how far it was replayed.
 */
export class SpillSet {
  /** Names it, and sorts by its age. */
  readonly birth: string
  /** Written by another process. */
  readonly isAdopted: boolean
  /** By marker: the position that Redis had when this process asked. */
  readonly resumeAt = new Map<string, number>()
  readonly #directory: string
  readonly #segments: Segment[]
  #position: number
  #file: number | undefined
  #syncing: NodeJS.Timeout | undefined
  /** How often in a row it could not be read. */
  failures = 0

  private constructor(name: SetName, position: number, segments?: Segment[]) {
    this.birth = name.birth
    this.#directory = name.directory
    this.isAdopted = segments !== undefined
    this.#segments = segments ?? []
    this.#position = position
  }

  /** A new one, to write to. */
  static create(name: SetName): SpillSet {
    mkdirSync(name.directory, { mode: 0o700 })
    return new SpillSet(name, 0)
  }

  /** One that another process wrote; throws ENOENT when a third has taken it first: a rename has one winner. */
  static adopt(from: string, to: SetName): SpillSet {
    renameSync(from, to.directory)
    const segments = readdirSync(to.directory)
      .filter((name) => name.endsWith('.spill'))
      .map((name) => ({ base: Number.parseInt(name, 10), size: statSync(join(to.directory, name)).size }))
      .sort((a, b) => a.base - b.base)
    return new SpillSet(to, Math.max(progressIn(to.directory), segments[0]?.base ?? 0), segments)
  }

  /** How many bytes of disk it takes. */
  get bytes(): number {
    return this.#segments.reduce((sum, { size }) => sum + size, 0)
  }

  /** Removed by somebody, or adopted by a process that took this one for dead. */
  get isGone(): boolean {
    return !existsSync(this.#directory)
  }

  get isDone(): boolean {
    return this.#position >= this.#end
  }

  /** Writes whole records, or nothing. @throws when it cannot */
  append(records: Buffer): void {
    // The file could still be written to when its directory was removed or taken, and nobody would ever read it.
    if (this.isGone) throw new Error('the files of this process are gone')
    const segment = this.#segmentFor(records.length)
    const file = this.#file as number
    try {
      for (let done = 0; done < records.length; ) {
        done += writeSync(file, records, done, records.length - done, segment.size + done)
      }
      segment.size += records.length
    } catch (error) {
      this.#cutOff(segment)
      throw error
    }
    this.#syncing ??= setTimeout(() => this.#sync(), SYNC_MS).unref()
  }

  /** The next lines that are not replayed; undefined when there are none. @throws when they cannot be read */
  next(most: number): SpilledLines | undefined {
    this.#removeReplayed()
    const segment = this.#segments.find(({ base, size }) => base + size > this.#position)
    if (segment === undefined) return undefined
    const from = Math.max(this.#position, segment.base)
    const left = segment.base + segment.size - from
    const path = this.#pathOf(segment)
    const file = openSync(path, 'r')
    try {
      for (let size = READ_BYTES; ; size *= 4) {
        const bytes = read(file, from - segment.base, Math.min(size, left))
        const { records, end, damaged } = decodeRecords(bytes, most)
        if (end === 0 && bytes.length < left && bytes.length === Math.min(size, left)) continue
        // An unfinished line is the end of what a crash left: it is passed over.
        const torn = end === 0
        return {
          records: records.map((record) => ({ ...record, end: from + record.end })),
          end: torn ? from + left : from + end,
          damaged: torn ? damaged + 1 : damaged,
          file: path,
        }
      }
    } finally {
      closeSync(file)
    }
  }

  /** Everything before `position` is in Redis. */
  settle(position: number): void {
    this.#position = position
    this.#removeReplayed()
    if (this.isDone) return
    try {
      writeFileSync(join(this.#directory, 'progress'), String(position), { mode: 0o600 })
    } catch {
      // On a full disk, say. Redis keeps the position as well; this helps when it has forgotten.
    }
  }

  /** Removes it from the disk. */
  remove(): void {
    this.#close()
    rmSync(this.#directory, { recursive: true, force: true })
  }

  /** What is written is on the disk, and stays there for the next process. */
  leave(): void {
    if (this.#file !== undefined) fdatasyncSync(this.#file)
    this.#close()
  }

  get #end(): number {
    const last = this.#segments.at(-1)
    return last === undefined ? this.#position : last.base + last.size
  }

  #segmentFor(bytes: number): Segment {
    const last = this.#segments.at(-1)
    const fits = last !== undefined && (last.size === 0 || last.size + bytes <= SEGMENT_BYTES)
    if (fits && this.#file !== undefined) return last
    this.#close()
    const segment = { base: this.#end, size: 0 }
    this.#file = openSync(this.#pathOf(segment), 'w', 0o600)
    if (last?.size === 0) this.#segments.pop()
    this.#segments.push(segment)
    return segment
  }

  /** Half a record must not stand before the next one. If it cannot be cut off, the next one goes into another file. */
  #cutOff(segment: Segment): void {
    try {
      ftruncateSync(this.#file as number, segment.size)
    } catch {
      segment.size = statSync(this.#pathOf(segment)).size
      this.#close()
    }
  }

  #sync(): void {
    this.#syncing = undefined
    // Nobody waits for it: a disk that fails to sync fails to write as well, and then it is said.
    if (this.#file !== undefined) fdatasync(this.#file, () => undefined)
  }

  #removeReplayed(): void {
    for (const segment of [...this.#segments]) {
      if (segment.base + segment.size > this.#position) return
      if (segment === this.#segments.at(-1)) return
      try {
        rmSync(this.#pathOf(segment), { force: true })
      } catch {
        // It goes with its directory in the end; what comes behind it must not wait for that.
      }
      this.#segments.shift()
    }
  }

  #close(): void {
    clearTimeout(this.#syncing)
    this.#syncing = undefined
    const file = this.#file
    this.#file = undefined
    if (file !== undefined) fdatasync(file, () => closeSync(file))
  }

  #pathOf({ base }: Segment): string {
    return join(this.#directory, `${String(base).padStart(16, '0')}.spill`)
  }
}

function read(file: number, from: number, length: number): Buffer {
  const bytes = Buffer.allocUnsafe(length)
  let done = 0
  while (done < length) {
    const count = readSync(file, bytes, done, length - done, from + done)
    if (count === 0) break
    done += count
  }
  return bytes.subarray(0, done)
}

function progressIn(directory: string): number {
  try {
    const text = readFileSync(join(directory, 'progress'), 'utf8')
    return /^\d+$/.test(text) ? Number(text) : 0
  } catch {
    return 0
  }
}
