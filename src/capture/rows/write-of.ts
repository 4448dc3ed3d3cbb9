import { familyOf } from '../typeorm'
import { isInsertTold } from './left-to-subscribers'
import { MariadbUpdate } from './mariadb-update'
import { MariadbUpsert } from './mariadb-upsert'
import { MysqlInsert } from './mysql-insert'
import { persisting } from './persisting'
import { PostgresWrite } from './postgres-write'
import { ReadAround } from './read-around'
import { ReturningWrite } from './returning-write'
import type { RowWrite, WriteParts } from './write'

/** Undefined where the driver leaves no way to read the rows. */
export function rowWriteOf(parts: WriteParts): RowWrite | undefined {
  const { kind, dataSource } = parts
  const { driver } = dataSource
  switch (familyOf(dataSource)) {
    case 'postgres':
      return PostgresWrite.of(parts)
    case 'mysql':
      if (kind === 'insert') return mysqlInsert(parts)
      if (!driver.isReturningSqlSupported('delete')) return new ReadAround(parts)
      return kind === 'delete' ? new ReturningWrite(parts) : new MariadbUpdate(parts)
    default:
      return kind === 'insert' || kind === 'delete' ? new ReturningWrite(parts) : new ReadAround(parts)
  }
}

function mysqlInsert(parts: WriteParts): RowWrite | undefined {
  const { builder, metadata, dataSource } = parts
  if (!dataSource.driver.isReturningSqlSupported('insert')) {
    const told = builder.expressionMap.callListeners || persisting()?.listeners === true
    return told && isInsertTold(metadata, dataSource) ? undefined : new MysqlInsert(parts)
  }
  return builder.expressionMap.onUpdate === undefined ? new ReturningWrite(parts) : new MariadbUpsert(parts)
}
