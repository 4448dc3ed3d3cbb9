import type { EntityManager, EntityMetadata, QueryRunner } from 'typeorm'
import type { Draft } from '../draft'
import { Gaps } from '../gaps'
import { modelOf } from '../instance'
import { hasName } from '../name'
import { escapedPath } from '../typeorm'
import { metadataOf, replaceOnce, type Send, type StructuredResult, type WriteBuilder } from './builder'
import { expectQuery } from './install'
import { leftToSubscribers } from './left-to-subscribers'
import { inStep } from './persisting'
import { Readability, UNREADABLE } from './readability'
import type { Interception } from './registry'
import { layoutOf, rootOf } from './row'
import { unreadRowsDraft } from './row-drafts'
import { type RowCaptureParts, Rows, type Statement } from './rows'
import { exclusively } from './sending'
import { countLocked } from './table-facts'
import { Transactions } from './transactions'
import { kindOf, type Place, type RowWrite } from './write'
import { rowWriteOf } from './write-of'

/** What matters of the classes of a table. */
interface Traits {
  /** Whether any has something to call its rows by. */
  readonly named: boolean
  /** Whether reading a row runs code of the application: names and transformers. */
  readonly runsCode: boolean
}

/** Captures the rows that TypeORM's statements write, as the database has them before and after. */
export class RowCapture implements Interception {
  readonly #parts: RowCaptureParts
  readonly #readability: Readability
  readonly #transactions: Transactions
  readonly #reading = new WeakSet<QueryRunner>()
  readonly #traits = new WeakMap<EntityMetadata, Traits>()

  constructor(parts: RowCaptureParts) {
    this.#parts = parts
    this.#readability = new Readability(parts)
    this.#transactions = new Transactions(parts)
  }

  execute(builder: WriteBuilder, original: () => Promise<unknown>): Promise<unknown> {
    const { dataSource, strict } = this.#parts
    const metadata = metadataOf(builder)
    const kind = kindOf(builder)
    if (metadata === undefined || kind === undefined || !this.#concerns(metadata)) return original()
    let write: RowWrite | undefined
    try {
      if (!strict && leftToSubscribers(builder, kind, dataSource)) return this.#transactions.inTurn(original)
      write = rowWriteOf({ builder, kind, metadata, dataSource, named: this.#traitsOf(metadata).named })
    } catch (error) {
      this.#parts.failed(modelOf(metadata), error)
    }
    if (write !== undefined) return this.#run({ builder, write, metadata, kind }, original)
    return strict ? this.#checked(builder, original) : original()
  }

  /** Whether a statement is under way whose rows are read. */
  isReading(queryRunner: QueryRunner): boolean {
    return this.#reading.has(queryRunner)
  }

  /** To be told of a statement that changes tables. */
  tableChanged(): void {
    this.#readability.tableChanged()
  }

  /** A write of which subscribers tell, in a transaction that `strict` can refuse. */
  async #checked(builder: WriteBuilder, original: () => Promise<unknown>): Promise<unknown> {
    const { queryRunner: given } = builder
    const queryRunner = given ?? this.#parts.dataSource.createQueryRunner('master')
    const held = builder as { queryRunner?: QueryRunner | undefined }
    held.queryRunner = queryRunner
    try {
      return await this.#transactions.atomically(queryRunner, true, async () => {
        this.#parts.checkStrict(queryRunner)
        const result = await original()
        this.#parts.checkStrict(queryRunner)
        return result
      })
    } finally {
      held.queryRunner = given
      if (given === undefined) await queryRunner.release()
    }
  }

  /** TRUNCATE tells nothing, so the rows are counted before. */
  async clear(manager: EntityManager, target: unknown, original: () => Promise<unknown>): Promise<unknown> {
    const { dataSource, selection } = this.#parts
    const metadata = dataSource.getMetadata(target as never)
    const decoration = selection.ofFamily(metadata)
    if (decoration === undefined || !decoration.actions.includes('OBJ_DELETE')) return original()
    const queryRunner = manager.queryRunner ?? dataSource.createQueryRunner('master')
    this.#parts.checkStrict(queryRunner)
    const rows = await this.#count(queryRunner, metadata)
    // Given back before TypeORM takes one: a pool of one connection must not wait for itself.
    if (queryRunner !== manager.queryRunner) await queryRunner.release()
    const result = await original()
    if (rows === 0) return result
    const gaps = new Gaps()
    if (rows === undefined) gaps.note('the table was cleared, and its rows could not be counted')
    const content = { cleared: true, ...(rows !== undefined && { rows }) }
    const changed = { changes: new Map(), gaps }
    const draft: Draft = { action: 'OBJ_DELETE', metadata, decoration, changed, content }
    this.#record(queryRunner, draft)
    return result
  }

  async #count(queryRunner: QueryRunner, metadata: EntityMetadata): Promise<number | undefined> {
    try {
      const path = escapedPath(this.#parts.dataSource, metadata.tablePath)
      if (!this.#readability.mayRepeat(queryRunner)) return await countLocked(queryRunner, path)
      const [row] = (await queryRunner.query(`SELECT COUNT(*) AS n FROM ${path}`)) as { n: unknown }[]
      return Number(row?.n)
    } catch (error) {
      this.#parts.failed(modelOf(metadata), error)
      return undefined
    }
  }

  #run(statement: Statement, original: () => Promise<unknown>): Promise<unknown> {
    const { builder, metadata } = statement
    const { queryRunner } = builder
    const obstacle = this.#readability.obstacle(builder, metadata)
    if (!(obstacle instanceof Promise)) return this.#write(statement, original, obstacle)
    const write = async () => this.#write(statement, original, await obstacle)
    return queryRunner === undefined ? write() : exclusively(queryRunner, write)
  }

  async #write(statement: Statement, original: () => Promise<unknown>, asked: string | undefined): Promise<unknown> {
    const { builder, write, metadata } = statement
    let obstacle = asked
    if (obstacle !== undefined) return this.#unreadable(statement, original, obstacle)
    let missed = false
    const make = (): [string, unknown[]] => {
      missed = true
      obstacle = this.#readability.obstacleToReturning(builder, metadata)
      if (obstacle !== undefined) return builder.getQueryAndParameters()
      try {
        const made = write.statement()
        expectQuery(made[1], (queryRunner, send, sql, parameters) => {
          missed = false
          return inStep(() => this.#replace(statement, { queryRunner, send }, [sql, parameters]))
        })
        return made
      } catch (error) {
        // If the mistake is the application's, TypeORM makes its own of it.
        const plain = builder.getQueryAndParameters()
        this.#parts.failed(modelOf(metadata), error)
        return plain
      }
    }
    const undo = replaceOnce(builder, make)
    try {
      const result = await original()
      const { affected } = result as { affected?: number }
      if (missed) this.#unread(statement, { queryRunner: builder.queryRunner, affected }, obstacle)
      return result
    } finally {
      undo()
    }
  }

  async #replace(
    statement: Statement,
    { queryRunner, send }: { queryRunner: QueryRunner; send: Send },
    [sql, parameters]: [string, unknown[]],
  ): Promise<StructuredResult> {
    const { builder, write, metadata } = statement
    const place: Place = { queryRunner, send, alone: !this.#parts.strict && this.#parts.mayBegin(queryRunner) }
    try {
      const result = await this.#transactions.atomically(queryRunner, write.compound(place), async () => {
        this.#parts.checkStrict(queryRunner)
        const { runsCode } = this.#traitsOf(metadata)
        const rows = new Rows(this.#parts, { ...statement, runsCode }, queryRunner)
        this.#reading.add(queryRunner)
        const ran = await write.run(place, [sql, parameters], rows.sink)
        this.#reading.delete(queryRunner)
        this.#parts.hold(queryRunner, rows.events(ran.unread))
        this.#parts.checkStrict(queryRunner)
        return ran.result
      })
      this.#readability.wasRead(metadata)
      return result
    } catch (error) {
      this.#reading.delete(queryRunner)
      if (!this.#readability.isRefusal(error, metadata)) {
        if (!this.#parts.inTransaction(queryRunner)) this.#parts.statementFailed(error as object)
        throw error
      }
      if (!this.#readability.mayRepeat(queryRunner)) {
        this.#readability.mayBeRefused(error, metadata)
        throw error
      }
      const result = await send(...builder.getQueryAndParameters())
      this.#readability.wasRefused(error, metadata)
      this.#unread(statement, { queryRunner, affected: result.affected })
      return result
    }
  }

  /** The write goes its way, and its event says that its rows could not be read. */
  async #unreadable(statement: Statement, original: () => Promise<unknown>, obstacle: string): Promise<unknown> {
    const result = await original()
    const { affected } = (result ?? {}) as { affected?: number }
    this.#unread(statement, { queryRunner: statement.builder.queryRunner, affected }, obstacle)
    return result
  }

  #unread(
    { metadata, kind, write }: Statement,
    { queryRunner, affected }: { queryRunner: QueryRunner | undefined; affected: number | undefined },
    obstacle = UNREADABLE,
  ): void {
    const { selection, dataSource } = this.#parts
    const side = metadata.isJunction ? selection.ofJunction(metadata) : undefined
    const decoration = side?.decoration ?? selection.ofFamily(metadata)
    if (affected === 0 || decoration === undefined || write.told) return
    const why = `${affected ?? 'an unknown number of'} rows were written, ${obstacle}`
    const subject = { metadata: side?.metadata ?? metadata, decoration, dataSource }
    const draft = unreadRowsDraft(side === undefined ? kind : 'update', subject, why)
    // Without one of its own, a builder's query runner had no transaction either.
    this.#record(queryRunner ?? dataSource.createQueryRunner('master'), draft)
  }

  #record(queryRunner: QueryRunner, draft: Draft): void {
    const event = this.#parts.event(queryRunner, draft, () => draft)
    if (event !== undefined) this.#parts.hold(queryRunner, [event])
  }

  #concerns(metadata: EntityMetadata): boolean {
    const { selection } = this.#parts
    if (metadata.isJunction) return selection.ofJunction(metadata) !== undefined
    return selection.ofFamily(metadata) !== undefined
  }

  #traitsOf(metadata: EntityMetadata): Traits {
    const root = rootOf(metadata)
    const known = this.#traits.get(root)
    if (known !== undefined) return known
    const { selection } = this.#parts
    const named = [root, ...root.childEntityMetadatas].some((one) => {
      const decoration = selection.of(one)
      return decoration !== undefined && hasName(one, decoration)
    })
    const runsCode = named || layoutOf(root).columns.some((column) => column.transformer !== undefined)
    const traits = { named, runsCode }
    this.#traits.set(root, traits)
    return traits
  }
}
