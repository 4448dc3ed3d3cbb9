import type { DataSource, EntityMetadata, QueryRunner } from 'typeorm'
import { familyOf } from '../typeorm'
import { overwritten, type WriteBuilder } from './builder'
import { hasOld } from './postgres-update'
import { rootOf } from './row'
import { type TableFacts, tableFacts } from './table-facts'

interface ReadabilityParts {
  readonly dataSource: DataSource
  failed(part: string, error: unknown): void
  inTransaction(queryRunner: QueryRunner): boolean
}

/** What SQLite says, which may return the rows of an INSERT into the same virtual table. */
const REFUSED = /no such column|RETURNING is not available on virtual tables/
/** "No such column" and "no right to read it", as each database says it; MySQL's "cannot be parsed" (`sql_mode=ORACLE`). */
export const REFUSALS = new Set<unknown>(['42703', '42501', 1054, 1064, 1142, 1143])

export const UNREADABLE = 'the database does not let them be read as the entity describes them'
const RULED = 'the table has rules, with which PostgreSQL returns no rows'
export const UNKEYED = 'the database does not keep the key unique, so old and new rows cannot be told apart by it'
const SECURED = 'the policies of the table let rows be written that may not be read'

/** How long rows that could not be read are not asked for again. */
const RETRY_MS = 60_000

const USUAL: TableFacts = { readable: true, ruled: false, keyed: true, secured: false }

/**
 * Whether the rows of a write can be had without its writing other rows than it would, or failing where it succeeds
 * without capture (a column that a migration has yet to add, no right to SELECT, a key that is none): such a statement
 * is sent as it is, or repeated so. In a transaction of PostgreSQL nothing can be repeated, so a criteria write asks
 * before, once a table. save() and remove() need not where TypeORM itself reads every column.
 */
export class Readability {
  readonly #parts: ReadabilityParts
  readonly #readable = new WeakSet<EntityMetadata>()
  /** Since when: what was missing may have been added meanwhile, by whomever. */
  readonly #refused = new WeakMap<EntityMetadata, number>()
  readonly #facts = new WeakMap<EntityMetadata, TableFacts>()
  /** Of which a statement was refused that could not be repeated. */
  readonly #doubted = new WeakSet<EntityMetadata>()
  /** Those that another role may read: then the one who writes is asked for, where nothing can be repeated. */
  readonly #roled = new WeakSet<EntityMetadata>()

  constructor(parts: ReadabilityParts) {
    this.#parts = parts
  }

  /** Why a write cannot give its rows; undefined when it can. */
  obstacle(builder: WriteBuilder, metadata: EntityMetadata): string | undefined | Promise<string | undefined> {
    const root = rootOf(metadata)
    const refused = this.#refused.get(root)
    if (refused !== undefined && Date.now() < refused + RETRY_MS) return UNREADABLE
    if (familyOf(this.#parts.dataSource) !== 'postgres') return undefined
    const { queryRunner, expressionMap } = builder
    const facts = this.#facts.get(root)
    const asked = this.#roled.has(root) && queryRunner !== undefined && !this.mayRepeat(queryRunner)
    if (facts !== undefined && !asked) return this.#obstacleIn(facts, builder)
    // Of a tree, save() writes the path as if it were the application.
    const saved = !expressionMap.callListeners || (queryRunner !== undefined && root.treeType !== undefined)
    return saved && isReadWhole(root) && !this.#doubted.has(root) ? undefined : this.#ask(builder, root)
  }

  /** The same of what is known only when TypeORM writes the statement: what it returns itself. */
  obstacleToReturning(builder: WriteBuilder, metadata: EntityMetadata): string | undefined {
    if (this.#facts.get(rootOf(metadata))?.secured !== true) return undefined
    const { queryType, wheres } = builder.expressionMap
    // Whoever returns rows, or has a condition for them, is asked for the right to read them anyway.
    if (builder.createReturningExpression(queryType) !== '') return undefined
    return (queryType === 'insert' ? overwritten(builder) === undefined : wheres.length === 0) ? SECURED : undefined
  }

  wasRead(metadata: EntityMetadata): void {
    this.#readable.add(rootOf(metadata))
  }

  /** Whether the database may have refused to give the rows, rather than what the application has asked for. */
  isRefusal(error: unknown, metadata: EntityMetadata): boolean {
    const root = rootOf(metadata)
    const { code, errno, message, routine } = ((error as { driverError?: unknown }).driverError ?? error) as Record<
      string,
      unknown
    >
    const rewritten = code === '0A000' && routine === 'RewriteQuery'
    const known = REFUSALS.has(code) || REFUSALS.has(errno) || REFUSED.test(String(message))
    // Read before: then it is another role, or another table than it was.
    return known || (rewritten && !this.#readable.has(root))
  }

  /** To be told of a refusal when the same statement has passed without asking for rows: the next is not asked for them. */
  wasRefused(error: unknown, metadata: EntityMetadata): void {
    const root = rootOf(metadata)
    if (this.#readable.has(root)) this.#doubt(root)
    else this.#refused.set(root, Date.now())
    this.#parts.failed(metadata.tablePath, error)
  }

  /** To be told of one that could not be repeated: before the next statement, the catalogue is asked. */
  mayBeRefused(error: unknown, metadata: EntityMetadata): void {
    const root = rootOf(metadata)
    if (this.#readable.has(root) || this.#facts.has(root)) this.#roled.add(root)
    this.#doubt(root)
    this.#parts.failed(metadata.tablePath, error)
  }

  /** To be told of a statement that changes a table: what is known of it may no longer be so. */
  tableChanged(): void {
    for (const metadata of this.#parts.dataSource.entityMetadatas) {
      this.#refused.delete(metadata)
      if (this.#facts.has(metadata) || this.#readable.has(metadata)) this.#doubt(metadata)
    }
  }

  /** Has the catalogue asked before the next statement. */
  #doubt(root: EntityMetadata): void {
    this.#facts.delete(root)
    this.#doubted.add(root)
  }

  /** PostgreSQL gives up the whole transaction when one statement fails. */
  mayRepeat(queryRunner: QueryRunner): boolean {
    return familyOf(this.#parts.dataSource) !== 'postgres' || !this.#parts.inTransaction(queryRunner)
  }

  async #ask(builder: WriteBuilder, root: EntityMetadata): Promise<string | undefined> {
    const { dataSource, failed } = this.#parts
    const queryRunner = builder.queryRunner ?? dataSource.createQueryRunner('master')
    try {
      const facts = (await tableFacts(queryRunner, root, dataSource)) ?? USUAL
      if (facts.readable) this.#facts.set(root, facts)
      else if (!this.#roled.has(root)) {
        this.#refused.set(root, Date.now())
        this.#doubted.add(root)
      }
      const obstacle = this.#obstacleIn(facts, builder)
      if (obstacle !== undefined) failed(root.tablePath, new Error(obstacle))
      return obstacle
    } catch (error) {
      // A transaction that was lost before: the write itself will say so.
      failed(root.tablePath, error)
      return undefined
    } finally {
      // Given back before TypeORM takes one: a pool of one connection must not wait for itself.
      if (queryRunner !== builder.queryRunner) await queryRunner.release()
    }
  }

  #obstacleIn({ readable, ruled, keyed }: TableFacts, { expressionMap }: WriteBuilder): string | undefined {
    if (!readable) return UNREADABLE
    if (ruled) return RULED
    const joins = expressionMap.queryType !== 'insert' && expressionMap.queryType !== 'delete'
    return !keyed && joins && !hasOld(this.#parts.dataSource) ? UNKEYED : undefined
  }
}

/** Whether save() reads or writes all columns: one that is kept from being read may be kept by the database too. */
function isReadWhole(root: EntityMetadata): boolean {
  const columns = [root, ...root.childEntityMetadatas].flatMap((one) => one.columns)
  return columns.every(({ isSelect, isInsert, asExpression }) => isSelect && isInsert && asExpression === undefined)
}
