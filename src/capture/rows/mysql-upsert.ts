import { randomUUID } from 'node:crypto'
import { givenTo, overwritten } from './builder'
import { type ConflictKey, conflictKeys, isKeyOpen } from './conflict-keys'
import { MysqlInsert } from './mysql-insert'
import { type RowFound, rowsByGivenKeys, unlessRefused } from './mysql-rows'
import { insertsRead } from './read-inserts'
import { restoreStatus, restoreWarnings } from './restore-result'
import { layoutOf, type Row } from './row'
import { keyNames } from './statements'
import { digestOf, withMark } from './upsert-marks'
import type { Place, Ran, RowSink, RowWrite, WriteParts } from './write'

const SEEN = '__audit_seen'
const KEY = '__audit_key'
const NOW = '__audit_now'
/** Of so many rows, each is given the variable's text: that of more is asked for by itself. */
const FEW = 20
const PROCESS = randomUUID()
let statements = 0

/** What the upsert has found there, by the digest of its new key: the digests of its old values, one for each update. */
type Marks = Map<string, string[]>

interface Upserted {
  readonly rows: readonly (readonly [before: Row | undefined, after: Row])[]
  /** Of how many rows nothing is known. */
  readonly unread: number
  readonly inserted: number
  /** How many updates changed something: at least, and at most. */
  readonly changed: readonly [number, number]
}

/**
 * An upsert of MySQL, which returns no rows: those that may be there are read before it, without locking them, and those
 * that are there after it. Which of them it updated is told by a session variable that only the branch of the update adds
 * to: digests of the row's key and of its old values, so that it is known too whether the row was still what was read.
 */
export class MysqlUpsert implements RowWrite {
  readonly told: boolean
  readonly #parts: WriteParts
  /** Variables outlive the statement, and behind a proxy the process. */
  readonly #nonce: string

  /** @param told whether subscribers tell of it too: of rows that cannot be read */
  constructor(parts: WriteParts, told: boolean) {
    this.#parts = parts
    this.told = told
    statements += 1
    this.#nonce = `${PROCESS}-${statements}`
  }

  compound(): boolean {
    return true
  }

  statement(): [string, unknown[]] {
    const { builder } = this.#parts
    const [sql, parameters] = builder.getQueryAndParameters()
    const moved = this.#movedKeys()
    const key = this.#keyDigest((name) => (moved.has(name) ? `VALUES(${builder.escape(name)})` : builder.escape(name)))
    const mark = `@${SEEN} := CONCAT(@${SEEN}, '|', ${key}, '.', ${this.#rowDigest()})`
    return [withMark(builder, sql, keyNames(builder)[0] ?? '', mark), parameters]
  }

  /** The parts of the key that are overwritten. */
  #movedKeys(): Set<string> {
    const { builder } = this.#parts
    const names = new Set(keyNames(builder))
    return new Set((overwritten(builder) ?? []).filter((name) => names.has(name)))
  }

  #keyDigest(text: (name: string) => string): string {
    return digestOf(keyNames(this.#parts.builder).map(text))
  }

  #rowDigest(): string {
    const { builder, metadata } = this.#parts
    return digestOf(layoutOf(metadata).names.map((name) => builder.escape(name)))
  }

  async run(place: Place, [sql, parameters]: readonly [string, unknown[]], sink: RowSink): Promise<Ran> {
    const { builder, metadata, dataSource } = this.#parts
    // Not before: listeners may have set some.
    const keys = conflictKeys(builder, metadata, dataSource)
    // For the variable, and for each VALUES().
    const warnings = 1 + this.#movedKeys().size
    if (keys.length === 0 && !isKeyOpen(builder, metadata, dataSource)) {
      const ran = await new MysqlInsert(this.#parts, this.told).run(place, [sql, parameters], sink)
      restoreWarnings(ran.result, dataSource, warnings)
      return ran
    }
    const begun = `(SELECT @${SEEN} := '${this.#nonce}' AS ${SEEN}) AS ${SEEN}, `
    const before = await this.#read(place, keys, { written: false, from: begun })
    const result = await place.send(sql, parameters)
    restoreStatus(result, place)
    restoreWarnings(result, dataSource, warnings)
    const few = givenTo(builder).length <= FEW
    const more = few ? `, @${SEEN} AS ${SEEN}` : ''
    const after = before && (await this.#read(place, keys, { written: true, more }))
    const { affectedRows, insertId } = result.raw as { affectedRows: number; insertId: number | string }
    // With a driver that counts only what was changed.
    if (affectedRows === 0) {
      if (this.told) insertsRead(this.#parts, insertId)
      return { result }
    }
    if (before === undefined || after === undefined) {
      const unread = `up to ${affectedRows} rows were written by an upsert, and could not be read`
      return { result, unread: this.told ? undefined : unread }
    }
    const [told] = few ? after.map(({ record }) => record) : await this.#variable(place)
    if (this.told) insertsRead(this.#parts, insertId)
    const upserted = this.#upserted(before, after, this.#marksOf(told?.[SEEN]))
    if (upserted === undefined || !isCounted(upserted, givenTo(builder).length, affectedRows))
      return { result, unread: `up to ${affectedRows} rows were written by an upsert, and are not known` }
    for (const [was, row] of upserted.rows) sink.take(was, row)
    const { unread } = upserted
    const why = `${unread} rows were written by an upsert that another transaction inserted or changed meanwhile, or whose key is not known, so their values are not known`
    return { result, unread: unread > 0 ? why : undefined }
  }

  #variable({ queryRunner }: Place): Promise<Record<string, unknown>[]> {
    return queryRunner.query(`SELECT @${SEEN} AS ${SEEN}`)
  }

  /** Undefined where they may not be read. */
  #read(
    place: Place,
    keys: readonly ConflictKey[],
    { written, from = '', more = '' }: { written: boolean; from?: string; more?: string },
  ): Promise<RowFound[] | undefined> {
    const { builder } = this.#parts
    const key = this.#keyDigest((name) => builder.escape(name))
    const list = `, ${key} AS ${KEY}, ${this.#rowDigest()} AS ${NOW}${more}`
    return unlessRefused(async () => [
      ...(await rowsByGivenKeys(this.#parts, place, keys, { written, from, more: list })).values(),
    ])
  }

  /** Undefined where the variable does not tell. */
  #marksOf(seen: unknown): Marks | undefined {
    // A text, or its bytes, as the driver has it.
    const [nonce, ...all] = String(seen).split('|')
    if (nonce !== this.#nonce) return undefined
    const marks: Marks = new Map()
    for (const mark of all) {
      const [key = '', was = ''] = mark.split('.')
      marks.set(key, [...(marks.get(key) ?? []), was])
    }
    return marks
  }

  #upserted(before: readonly RowFound[], after: readonly RowFound[], marks: Marks | undefined): Upserted | undefined {
    if (marks === undefined) return undefined
    const known = new Map(before.map((found) => [found.record[NOW], found]))
    const there = new Set(before.map(({ record }) => record[KEY]))
    // What was given another key has left its own to others.
    for (const [key, [was]] of marks) {
      const old = known.get(was)?.record[KEY]
      if (old !== key) there.delete(old)
    }
    const rows: [Row | undefined, Row][] = []
    const created: Row[] = []
    const doubtful: Row[] = []
    let changed = 0
    for (const { row, record } of after) {
      const seen = marks.get(String(record[KEY])) ?? []
      const was = known.get(seen[0])?.row
      // As it was found: others may have written it before.
      if (seen[0] === record[NOW]) continue
      if (was !== undefined) rows.push([was, row])
      else if (seen.length > 0) doubtful.push(row)
      else if (!there.has(record[KEY])) created.push(row)
      if (seen.length === 1) changed += 1
    }
    const updates = [...marks.values()]
    const updated = updates.reduce((sum, { length }) => sum + length, 0)
    const repeated = updates.filter(({ length }) => length > 1).reduce((sum, { length }) => sum + length, 0)
    const inserted = givenTo(this.#parts.builder).length - updated
    // Given twice: inserted, and updated at once.
    if (doubtful.length > 0 && doubtful.length === inserted - created.length) created.push(...doubtful.splice(0))
    // Others have inserted some of these meanwhile.
    if (created.length > inserted) created.length = 0
    rows.push(...created.map((row) => [undefined, row] as [undefined, Row]))
    const found = new Set(after.map(({ record }) => record[KEY]))
    const lost = [...marks.keys()].filter((key) => !found.has(key)).length
    const unread = doubtful.length + lost + inserted - created.length
    return { rows, unread, inserted, changed: [changed, changed + repeated + lost] }
  }
}

/** Whether the server has counted as many: an inserted row once, a changed one twice, and one left as it was once or not. */
function isCounted({ inserted, changed }: Upserted, given: number, affected: number): boolean {
  const [least, most] = changed
  const isWithin = (rows: number) => affected >= rows + least && affected <= rows + most
  return isWithin(given) || (affected >= inserted + 2 * least && affected <= inserted + 2 * most)
}
