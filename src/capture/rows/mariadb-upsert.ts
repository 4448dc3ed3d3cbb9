import { COMPOUND } from '../statement'
import { conflictKeys } from './conflict-keys'
import { restoreUpsert } from './restore-result'
import { takeRows } from './returning-write'
import { layoutOf, type Row, rowOf, sameRows } from './row'
import { keyNames, keyText, returning, returningList, selectByValues } from './statements'
import type { Place, Ran, RowSink, RowWrite, WriteParts } from './write'

type Records = Record<string, unknown>[]

interface Known {
  readonly row: Row
  /** What the row was, as the database digests it. */
  readonly digest: unknown
}

const UPDATE = ' ON DUPLICATE KEY UPDATE '
const SEEN = '__audit_seen'
const DIGEST = '__audit_digest'
let statements = 0

/**
 * An upsert of MariaDB. The rows that may be there are read before it, without locking them: locking rows, or the gaps
 * where they are not, makes parallel upserts deadlock. What was really there is told by a session variable that only the
 * branch of the update sets, to the row's key and a digest of its old values: it tells an update from an insert, and
 * whether the row was still what was read.
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
    const mine = `@${SEEN} LIKE CONCAT(${this.#key()}, '%')`
    const seen = `IF(${mine}, SUBSTRING_INDEX(@${SEEN}, '.', -1), NULL) AS ${SEEN}`
    const [sql, parameters] = returning(builder, `${returningList(builder)}, ${seen}`)
    const at = sql.lastIndexOf(UPDATE)
    if (at === -1) return [sql, parameters]
    const key = builder.escape(keyNames(builder)[0] ?? '')
    // Before the others: as long as the columns have their old values.
    const mark = `${key} = IF((@${SEEN} := CONCAT(${this.#key()}, ${this.#digest()})) IS NULL, ${key}, ${key}), `
    const after = at + UPDATE.length
    return [`${sql.slice(0, after)}${mark}${sql.slice(after)}`, parameters]
  }

  /** Of this statement, and of the row. */
  #key(): string {
    const { builder } = this.#parts
    return `'${this.#nonce}', ${keyNames(builder)
      .map((name) => `'-', HEX(CONCAT(${builder.escape(name)}))`)
      .join(', ')}, '.'`
  }

  #digest(): string {
    const { builder, metadata } = this.#parts
    const texts = layoutOf(metadata).names.map((name) => `COALESCE(MD5(${builder.escape(name)}), '-')`)
    return `MD5(CONCAT_WS('.', ${texts.join(', ')}))`
  }

  async run(place: Place, [sql, parameters]: readonly [string, unknown[]], sink: RowSink): Promise<Ran> {
    const { builder } = this.#parts
    const known = await this.#before(place)
    const result = await place.send(sql, parameters)
    const digests = (result.records as Records).map((record) => {
      const digest = record[SEEN]
      delete record[SEEN]
      return digest ?? undefined
    })
    let unread = 0
    const counts = { inserted: 0, changed: 0, unchanged: 0 }
    const written = new Map<string, Row>()
    takeRows(result, this.#parts).forEach((row, index) => {
      const key = keyText(builder, row)
      const digest = digests[index]
      const before = known.get(key)
      // The same row may be given twice.
      const was = written.get(key) ?? (before?.digest === digest ? before?.row : undefined)
      if (digest === undefined) counts.inserted += 1
      else if (was !== undefined && sameRows(was, row)) counts.unchanged += 1
      else counts.changed += 1
      if (was === undefined && digest !== undefined) unread += 1
      else sink.take(digest === undefined ? undefined : was, row)
      written.set(key, row)
    })
    restoreUpsert(result, builder, counts)
    const why = `${unread} rows were written by an upsert that another transaction inserted or changed meanwhile, so their old values are not known`
    return { result, unread: unread > 0 ? why : undefined }
  }

  async #before({ queryRunner }: Place): Promise<Map<string, Known>> {
    const { builder, metadata, dataSource } = this.#parts
    const layout = layoutOf(metadata)
    const more = `, ${this.#digest()} AS ${DIGEST}`
    const selects = conflictKeys(builder, metadata, dataSource).flatMap(({ columns, rows }) => [
      ...selectByValues(builder, dataSource, { columns, rows, lock: '', more }),
    ])
    const text = [`SET @${SEEN} = ''`, ...selects.map(([select]) => select)].join('; ')
    const parameters = selects.flatMap(([, values]) => values)
    const answer = await queryRunner.query(`${COMPOUND}${text}; END`, parameters)
    const sets = (Array.isArray(answer) ? answer.slice(0, selects.length) : []) as Records[]
    const known = new Map<string, Known>()
    for (const record of sets.flat()) {
      const row = rowOf(layout, record)
      known.set(keyText(builder, row), { row, digest: record[DIGEST] })
    }
    return known
  }
}
