import { COMPOUND } from '../statement'
import { conflictKeys } from './conflict-keys'
import { takeRows } from './returning-write'
import { layoutOf, type Row, rowOf } from './row'
import { keyNames, keyText, returning, returningList, selectList, tableOf } from './statements'
import { type Place, type Ran, type RowSink, type RowWrite, UNDO, type WriteParts } from './write'

type Records = Record<string, unknown>[]

const UPDATE = ' ON DUPLICATE KEY UPDATE '
const FLAG = '__audit_updated'
let statements = 0

/**
 * An upsert of MariaDB. The rows that are there are read and locked before it; the rows that are not are not locked,
 * because locking gaps makes parallel upserts deadlock. Whether a row was inserted or updated is told by a session variable
 * that only the branch of the update sets, to the row's own key.
 */
export class MariadbUpsert implements RowWrite {
  readonly #parts: WriteParts
  /** Variables outlive the statement. */
  readonly #nonce: string

  constructor(parts: WriteParts) {
    this.#parts = parts
    statements += 1
    this.#nonce = `${process.pid}.${statements}`
  }

  compound({ alone }: Place): boolean {
    return !alone
  }

  statement(): [string, unknown[]] {
    const { builder } = this.#parts
    const [sql, parameters] = returning(builder, `${returningList(builder)}, @${FLAG} <=> ${this.#mark()} AS ${FLAG}`)
    const at = sql.lastIndexOf(UPDATE)
    if (at === -1) return [sql, parameters]
    const [key = ''] = keyNames(builder)
    const column = builder.escape(key)
    const end = sql.lastIndexOf(' RETURNING ')
    // Behind the others, which may change the key.
    const mark = `, ${column} = IF((@${FLAG} := ${this.#mark()}) IS NULL, ${column}, ${column})`
    return [`${sql.slice(0, end)}${mark}${sql.slice(end)}`, parameters]
  }

  #mark(): string {
    const { builder } = this.#parts
    return `CONCAT('${this.#nonce}'${keyNames(builder)
      .map((name) => `, ':', HEX(${builder.escape(name)})`)
      .join('')})`
  }

  async run(place: Place, [sql, parameters]: readonly [string, unknown[]], sink: RowSink): Promise<Ran> {
    const { builder } = this.#parts
    const { queryRunner, send, alone } = place
    try {
      const before = await this.#before(place)
      const text = alone ? `${COMPOUND}${UNDO}${sql}; COMMIT; END` : sql
      const result = await send(text, parameters)
      if (alone) {
        const sets = result.raw as [Records, object]
        result.raw = sets[0]
        result.records = [...sets[0]]
      }
      let unread = 0
      const updated = (result.records as Records).map((record) => {
        const flag = record[FLAG]
        delete record[FLAG]
        return Number(flag) === 1
      })
      takeRows(result, this.#parts).forEach((row, index) => {
        const key = keyText(builder, row)
        const was = before.get(key)
        if (was === undefined && updated[index]) unread += 1
        else sink(was, row)
        // The same row may be given twice.
        before.set(key, row)
      })
      const why = `${unread} rows were updated by an upsert: another transaction inserted them meanwhile, or their key was changed, so their old values are not known`
      return { result, unread: unread > 0 ? why : undefined }
    } catch (error) {
      if (alone) await queryRunner.query('ROLLBACK').catch(() => undefined)
      throw error
    }
  }

  async #before({ queryRunner, alone }: Place): Promise<Map<string, Row>> {
    const { builder, metadata, dataSource } = this.#parts
    const layout = layoutOf(metadata)
    const selects: string[] = []
    const parameters: unknown[] = []
    const table = tableOf(builder)
    const keys = keyNames(builder).map((name) => builder.escape(name))
    for (const { columns, rows } of conflictKeys(builder, metadata, dataSource)) {
      const row = `(${columns.map((column) => `${builder.escape(column)} = ?`).join(' AND ')})`
      // Of a derived table with DISTINCT nothing is locked, so only rows that are there are.
      const there = `SELECT DISTINCT ${keys.join(', ')} FROM ${table} WHERE ${rows.map(() => row).join(' OR ')}`
      const list = selectList(builder, 't.')
      selects.push(
        `SELECT ${list} FROM (${there}) k STRAIGHT_JOIN ${table} t ON ${keys.map((key) => `t.${key} = k.${key}`).join(' AND ')} FOR UPDATE`,
      )
      parameters.push(...rows.flat())
    }
    const begin = alone ? 'START TRANSACTION; ' : ''
    const text = `${COMPOUND}${begin}SET @${FLAG} = ''; ${selects.map((select) => `${select}; `).join('')}END`
    const answer = await queryRunner.query(text, parameters)
    const sets = (Array.isArray(answer) ? answer.slice(0, selects.length) : []) as Records[]
    const before = new Map<string, Row>()
    for (const record of sets.flat()) {
      const row = rowOf(layout, record)
      before.set(keyText(builder, row), row)
    }
    return before
  }
}
