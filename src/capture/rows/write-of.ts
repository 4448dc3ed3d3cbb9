import { familyOf } from '../typeorm'
import { propertiesNotKept } from './kept-as-given'
import { isInsertTold } from './left-to-subscribers'
import { MariadbUpdate } from './mariadb-update'
import { MariadbUpsert } from './mariadb-upsert'
import { MysqlInsert } from './mysql-insert'
import { saving } from './persisting'
import { PostgresWrite } from './postgres-write'
import { ReadAround } from './read-around'
import { insertBegins } from './read-inserts'
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
    const heard = builder.expressionMap.callListeners || saving()?.listeners === true
    const told = heard && isInsertTold(metadata, dataSource)
    return told && !isReadThoughTold(parts) ? undefined : new MysqlInsert(parts, told)
  }
  return builder.expressionMap.onUpdate === undefined ? new ReturningWrite(parts) : new MariadbUpsert(parts)
}

/** Whether the rows of an INSERT of MySQL differ from what subscribers are told, and can be told from the others. */
function isReadThoughTold({ builder, metadata }: WriteParts): boolean {
  const { valuesSet, callListeners, updateEntity, onIgnore, onUpdate } = builder.expressionMap
  const given = [valuesSet].flat().filter((values) => typeof values === 'object' && values !== null) as object[]
  given.forEach(insertBegins)
  const other = given.flatMap((values) => propertiesNotKept(metadata, values, 'mysql'))
  if (metadata.isJunction || onIgnore || onUpdate !== undefined || other.length === 0) return false
  // save() tells of its entities by the key.
  return callListeners || (updateEntity && !other.some(({ columns }) => columns.some((column) => column.isPrimary)))
}
