import type { DataSource, EntityMetadata, QueryRunner } from 'typeorm'
import { escapedPath } from '../typeorm'
import { layoutOf } from './row'

/** What PostgreSQL has of a table, beside what its entity says. */
export interface TableFacts {
  /** Whether all columns are there, and this role may read them. */
  readonly readable: boolean
  /** Whether rules rewrite what is written: then a statement can have neither RETURNING nor WITH. */
  readonly ruled: boolean
  /** Whether the entity's key tells one row: UPDATEs join by it. */
  readonly keyed: boolean
  /** Whether there may be rows that policies let be written and not be read. */
  readonly secured: boolean
}

/**
 * Asks the catalogue, which needs no right, takes no lock and does not fail, so that a transaction goes on.
 *
 * @returns undefined when it has no such table
 */
export async function tableFacts(
  queryRunner: QueryRunner,
  root: EntityMetadata,
  dataSource: DataSource,
): Promise<TableFacts | undefined> {
  const path = escapedPath(dataSource, root.tablePath)
  const keys = root.primaryColumns.map((column) => column.databaseName)
  const sql =
    Number.parseInt(dataSource.driver.version ?? '', 10) < 11 ? FACTS.replace('indnkeyatts', 'indnatts') : FACTS
  const [facts] = (await queryRunner.query(sql, [path, layoutOf(root).names, keys])) as TableFacts[]
  return facts
}

/**
 * Counts the rows in a transaction that must go on if they cannot be counted (no right, a timeout): the block is undone by
 * itself. The lock is the one that TRUNCATE takes: two that had counted first would wait for each other.
 */
export async function countLocked(queryRunner: QueryRunner, path: string): Promise<number | undefined> {
  await queryRunner.query(`DO ${TAG} DECLARE n bigint; BEGIN
    LOCK TABLE ${path} IN ACCESS EXCLUSIVE MODE;
    SELECT count(*) INTO n FROM ${path};
    PERFORM set_config('audit_logger.rows', n::text, true);
  EXCEPTION WHEN query_canceled OR OTHERS THEN PERFORM set_config('audit_logger.rows', '', true);
  END ${TAG}`)
  const [row] = (await queryRunner.query("SELECT current_setting('audit_logger.rows') AS n")) as { n: string }[]
  return row?.n ? Number(row.n) : undefined
}

/** What no name of a table holds. */
const TAG = '$typeorm_audit_logger$'

const READABLE = `NOT EXISTS (
  SELECT FROM unnest($2::text[]) n LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = n AND NOT a.attisdropped
  WHERE a.attnum IS NULL OR NOT has_column_privilege(c.oid, a.attnum, 'SELECT'))`

/** All that is not a SELECT: a view is itself a rule for that. */
const RULED = `EXISTS (SELECT FROM pg_rewrite r WHERE r.ev_class = c.oid AND r.ev_type <> '1')`

/** Of rows that other tables inherit, a unique index knows its own only. A view has none, and its key may be any column. */
const KEYED = `(c.relkind = 'p' OR NOT c.relhassubclass)
  AND EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisunique AND i.indimmediate AND i.indisvalid
    AND i.indpred IS NULL AND i.indexprs IS NULL AND NOT EXISTS (
      SELECT FROM unnest((i.indkey::int2[])[0:i.indnkeyatts - 1]) k
      LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k WHERE a.attname <> ALL ($3::text[])))
  AND NOT EXISTS (
    SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = ANY ($3::text[]) AND NOT a.attnotnull)`

/** One policy for all, the usual kind, lets no row be written that it does not let be read. */
const SECURED = `c.relrowsecurity AND EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid AND (
  p.polcmd <> '*' OR pg_get_expr(p.polwithcheck, c.oid) <> pg_get_expr(p.polqual, c.oid)))`

const FACTS = `SELECT ${READABLE} AS readable, ${RULED} AS ruled, ${KEYED} AS keyed, ${SECURED} AS secured
FROM pg_class c WHERE c.oid = to_regclass($1)`
