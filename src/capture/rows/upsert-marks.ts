import type { WriteBuilder } from './builder'

/** What stands before the columns that an upsert of MySQL or MariaDB sets in a row that is there. */
const UPDATE = ' ON DUPLICATE KEY UPDATE '

/** SQL: a digest of these values. Of no value it is another than of any. */
export function digestOf(values: readonly string[]): string {
  return `LEFT(SHA2(CONCAT_WS('.', ${values.map((value) => `COALESCE(SHA2(${value}, 256), '-')`).join(', ')}), 256), 24)`
}

/**
 * Has the branch of the update evaluate an expression before it sets anything: as long as the columns have their old
 * values.
 *
 * @param column one that is set to itself for that
 */
export function withMark(builder: WriteBuilder, statement: string, column: string, expression: string): string {
  const at = statement.lastIndexOf(UPDATE)
  if (at === -1) return statement
  const key = builder.escape(column)
  const after = at + UPDATE.length
  return `${statement.slice(0, after)}${key} = IF((${expression}) IS NULL, ${key}, ${key}), ${statement.slice(after)}`
}
