import type { DataSource, EntityMetadata } from 'typeorm'

/** Empties every table. */
export async function emptied(dataSource: DataSource): Promise<void> {
  const statements = [...tablesOf(dataSource).keys()].map((table) => `DELETE FROM ${table}`)
  const { type } = dataSource.options
  if (type === 'postgres') {
    // TypeORM writes no id that PostgreSQL counts, not even a given one, so counting begins anew.
    const anew = numbersOf(dataSource).map(
      ([table, column]) => `SELECT setval(pg_get_serial_sequence('${table}', '${column}'), 1, false)`,
    )
    const unchecked = [
      'SET session_replication_role = replica',
      ...statements,
      'SET session_replication_role = DEFAULT',
    ]
    await dataSource.query([...unchecked, ...anew].join('; '))
    return
  }
  const [off, on] =
    type === 'mariadb' || type === 'mysql'
      ? ['SET FOREIGN_KEY_CHECKS = 0', 'SET FOREIGN_KEY_CHECKS = 1']
      : ['PRAGMA foreign_keys = OFF', 'PRAGMA foreign_keys = ON']
  const queryRunner = dataSource.createQueryRunner('master')
  for (const statement of [off, ...statements, on]) await queryRunner.query(statement)
  await queryRunner.release()
}

/** Lets the database's own numbers begin above those that the seed gives: emptying does not begin them anew. */
export async function numberFrom(dataSource: DataSource, first: number): Promise<void> {
  for (const [table, , name] of numbersOf(dataSource)) {
    switch (dataSource.options.type) {
      case 'postgres':
        break
      case 'mariadb':
      case 'mysql':
        await dataSource.query(`ALTER TABLE ${table} AUTO_INCREMENT = ${first}`)
        break
      default:
        await dataSource.query(`INSERT INTO sqlite_sequence (name, seq) VALUES ('${name}', ${first - 1})`)
    }
  }
}

/** Tables with a key that the database counts: as SQL writes it, the column, and the bare name. */
function numbersOf(dataSource: DataSource): [table: string, column: string, name: string][] {
  return [...tablesOf(dataSource)].flatMap(([table, { columns, tableName }]) =>
    columns
      .filter(({ generationStrategy }) => generationStrategy === 'increment')
      .map(({ databaseName }): [string, string, string] => [table, databaseName, tableName]),
  )
}

function tablesOf(dataSource: DataSource): Map<string, EntityMetadata> {
  const quoted = (path: string) =>
    path
      .split('.')
      .map((part) => dataSource.driver.escape(part))
      .join('.')
  const real = dataSource.entityMetadatas.filter(
    ({ tableType }) => tableType !== 'view' && tableType !== 'entity-child',
  )
  return new Map(real.map((metadata) => [quoted(metadata.tablePath), metadata]))
}
