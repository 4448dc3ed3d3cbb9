import { COMPOUND } from '../statement'
import { conflictKeys } from './conflict-keys'
import { restoreUpsert } from './restore-result'
import { takeRows } from './returning-write'
import { layoutOf, type Row, rowOf } from './row'
import { keyNames, returning, returningList, selectByValues } from './statements'
import { digestOf, withMark } from './upsert-marks'
import type { Place, Ran, RowSink, RowWrite, WriteParts } from './write'

type Records = Record<string, unknown>[]

const SEEN = '__audit_seen'
const NOW = '__audit_now'
let statements = 0

/**
 * An upsert of MariaDB. The rows that may be there are read before it, without locking them: locking rows, or the gaps
 * where they are not, makes parallel upserts deadlock. What was really there is told by a session variable that only the
 * branch of the update sets, to a digest of the row's old values, and that is emptied when the row is returned: it tells an
 * update from an insert, also of a key, and whether the row was still what was read.
 */
export class MariadbUpsert implements RowWrite {
  readonly #parts: WriteParts
  /** Variables outlive the statement. */
  readonly #nonce: string

  constructor(parts: WriteParts) {
    this.#parts = parts
    statements += 1
    this.#nonce = `${statements}`
  }

  compound(): boolean {
    return false
  }

  statement(): [string, unknown[]] {
    const { builder } = this.#parts
    const told = `@${SEEN} AS ${SEEN}, IF((@${SEEN} := '') = '', ${this.#digest()}, NULL) AS ${NOW}`
    const [sql, parameters] = returning(builder, `${returningList(builder)}, ${told}`)
    return [withMark(builder, sql, keyNames(builder)[0] ?? '', `@${SEEN} := ${this.#digest()}`), parameters]
  }

  /** Of a row, by this statement. */
  #digest(): string {
    const { builder, metadata } = this.#parts
    return `CONCAT('${this.#nonce}.', ${digestOf(layoutOf(metadata).names.map((name) => builder.escape(name)))})`
  }

  async run(place: Place, [sql, parameters]: readonly [string, unknown[]], sink: RowSink): Promise<Ran> {
    const { builder } = this.#parts
    const known = await this.#before(place)
    const result = await place.send(sql, parameters)
    const digests = (result.records as Records).map(
      ({ [SEEN]: seen, [NOW]: now }) => [String(seen), String(now)] as const,
    )
    for (const record of result.records as Records) {
      delete record[SEEN]
      delete record[NOW]
    }
    let unread = 0
    const counts = { inserted: 0, changed: 0, unchanged: 0 }
    takeRows(result, this.#parts).forEach((row, index) => {
      const [seen, now] = digests[index] ?? ['', '']
      if (!seen.startsWith(`${this.#nonce}.`)) {
        counts.inserted += 1
        sink.take(undefined, row)
      } else if (seen === now) counts.unchanged += 1
      else {
        counts.changed += 1
        const was = known.get(seen)
        if (was === undefined) unread += 1
        else sink.take(was, row)
      }
      // The same row may be given twice.
      known.set(now, row)
    })
    restoreUpsert(result, builder, counts)
    const why = `${unread} rows were written by an upsert that another transaction inserted or changed meanwhile, so their old values are not known`
    return { result, unread: unread > 0 ? why : undefined }
  }

  async #before({ queryRunner }: Place): Promise<Map<string, Row>> {
    const { builder, metadata, dataSource } = this.#parts
    const layout = layoutOf(metadata)
    const more = `, ${this.#digest()} AS ${NOW}`
    const selects = conflictKeys(builder, metadata, dataSource).flatMap(({ columns, rows }) => [
      ...selectByValues(builder, dataSource, { columns, rows, lock: '', more }),
    ])
    const text = [`SET @${SEEN} = ''`, ...selects.map(([select]) => select)].join('; ')
    const parameters = selects.flatMap(([, values]) => values)
    const answer = await queryRunner.query(`${COMPOUND}${text}; END`, parameters)
    const sets = (Array.isArray(answer) ? answer.slice(0, selects.length) : []) as Records[]
    return new Map(sets.flat().map((record) => [String(record[NOW]), rowOf(layout, record)]))
  }
}
