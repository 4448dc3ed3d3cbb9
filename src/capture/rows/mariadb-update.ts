import { COMPOUND } from '../statement'
import { despiteDeadlocks } from './deadlock'
import { capped, isChosen, MOST_ROWS, writeLarge } from './large'
import { Keys } from './read-around'
import { layoutOf, rowOf } from './row'
import { exclusively } from './sending'
import { closedComment, onlyRows, selectMatching, selectWritten } from './statements'
import { type Place, type Ran, type RowSink, type RowWrite, UNDO, type WriteParts } from './write'

type Records = Record<string, unknown>[]

/**
 * An UPDATE of MariaDB, which returns no rows: they are read and locked by one statement before it, and by a second
 * SELECT in the same compound statement as the UPDATE itself. Where no transaction is open, the two carry its START and
 * its COMMIT, so that it is one statement and one round trip more than without capture.
 */
export class MariadbUpdate implements RowWrite {
  readonly #parts: WriteParts

  constructor(parts: WriteParts) {
    this.#parts = parts
  }

  compound({ alone }: Place): boolean {
    return !alone
  }

  statement(): [string, unknown[]] {
    return this.#parts.builder.getQueryAndParameters()
  }

  run(place: Place, statement: readonly [string, unknown[]], sink: RowSink): Promise<Ran> {
    const run = () => this.#run(place, statement, sink)
    return place.alone ? exclusively(place.queryRunner, () => despiteDeadlocks(run)) : run()
  }

  async #run(place: Place, [sql, parameters]: readonly [string, unknown[]], sink: RowSink): Promise<Ran> {
    const { builder, metadata, dataSource } = this.#parts
    const { queryRunner, send, alone } = place
    const layout = layoutOf(metadata)
    try {
      const [select, values] = selectMatching(builder)
      const chosen = isChosen(builder, select)
      const read = `${select}${capped(chosen, ' FOR UPDATE')}`
      const first = alone ? `${COMPOUND}START TRANSACTION; ${read}; END` : read
      const answer = (await queryRunner.query(first, values)) as Records | [Records]
      let found = (alone ? answer[0] : answer) as Records
      if (!chosen && found.length > MOST_ROWS) {
        const ran = await writeLarge(place, this.#parts, sink)
        if (ran !== undefined) {
          if (alone) await queryRunner.query('COMMIT')
          return ran
        }
        found = (await queryRunner.query(`${select} FOR UPDATE`, values)) as Records
      }
      const before = found.map((record) => rowOf(layout, record))
      const keys = new Keys(this.#parts, before)
      const again = [...selectWritten(builder, dataSource, keys)]
      const only = chosen ? onlyRows(builder, before) : undefined
      const [update, given] = only ?? [sql, parameters]
      const parts = [
        closedComment(update),
        'SELECT ROW_COUNT() AS affected, @@warning_count AS warnings',
        ...again.map(([text]) => text),
        ...(alone ? ['COMMIT'] : []),
      ]
      const compound = `${COMPOUND}${alone ? UNDO : ''}${parts.join('; ')}; END`
      const result = await send(compound, [...given, ...again.flatMap(([, more]) => more)])
      const sets = result.raw as [Records, ...Records[]]
      for (const records of sets.slice(1, 1 + again.length))
        for (const record of records) keys.add(rowOf(layout, record))
      const counts = sets[0][0] as { affected: unknown; warnings: unknown }
      const unread = keys.pair(sink, { written: Number(counts.affected), exact: !chosen || only !== undefined })
      restore(result, { ...counts, changed: keys.changed })
      return { result, unread }
    } catch (error) {
      // Of the first statement: the second one rolls back by itself.
      if (alone) await queryRunner.query('ROLLBACK').catch(() => undefined)
      throw asOwn(error, sql, parameters)
    }
  }
}

/** TypeORM's error, of the application's own statement. */
function asOwn(error: unknown, query: string, parameters: unknown[]): unknown {
  const failed = error as { query?: unknown; parameters?: unknown }
  const sent = typeof failed.query === 'string' && failed.query.includes(query)
  return sent ? Object.assign(failed, { query, parameters }) : error
}

/** The answer that MariaDB gives to an UPDATE alone, made of the one to the compound statement. */
function restore(result: Ran['result'], counts: { affected: unknown; warnings: unknown; changed: number }): void {
  const header = (result.raw as unknown[]).at(-1) as object
  const [affected, warnings] = [Number(counts.affected), Number(counts.warnings)]
  const info = `Rows matched: ${affected}  Changed: ${counts.changed}  Warnings: ${warnings}`
  result.raw = Object.assign(header, {
    affectedRows: affected,
    info,
    warningStatus: warnings,
    changedRows: counts.changed,
  })
  result.affected = affected
  // What 1.x makes of an answer that is no list.
  result.records = []
}
