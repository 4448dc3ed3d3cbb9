import type { EntityMetadata } from 'typeorm'
import { propertiesOf } from '../properties'
import { familyOf } from '../typeorm'
import { givenTo } from './builder'
import { propertiesNotKept } from './kept-as-given'
import { isInsertTold } from './left-to-subscribers'
import { MariadbUpdate } from './mariadb-update'
import { MariadbUpsert } from './mariadb-upsert'
import { MysqlInsert } from './mysql-insert'
import { MysqlUpsert } from './mysql-upsert'
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
  const { callListeners, insertFromSelect, onUpdate } = builder.expressionMap
  if (dataSource.driver.isReturningSqlSupported('insert')) {
    return onUpdate === undefined ? new ReturningWrite(parts) : new MariadbUpsert(parts)
  }
  givenTo(builder).forEach(insertBegins)
  const heard = insertFromSelect === undefined && (callListeners || saving()?.listeners === true)
  const told = heard && isInsertTold(metadata, dataSource)
  if (onUpdate !== undefined && insertFromSelect === undefined) return new MysqlUpsert(parts, told)
  return told && isToldWhole(parts) ? undefined : new MysqlInsert(parts, told)
}

/** Whether what subscribers are told of an INSERT of MySQL is what the rows have; or cannot be told from what they are. */
function isToldWhole({ builder, metadata }: WriteParts): boolean {
  const { callListeners, onIgnore, updateEntity } = builder.expressionMap
  if (metadata.isJunction) return true
  const given = givenTo(builder)
  const other = given.flatMap((values) => propertiesNotKept(metadata, values, 'mysql'))
  const numbered = metadata.primaryColumns.some(
    (column) =>
      column.generationStrategy === 'increment' &&
      given.some((values) => (column.getEntityValue(values) ?? undefined) !== undefined),
  )
  // TypeORM numbers them itself.
  if (callListeners) return given.length === 1 && !onIgnore && updateEntity && other.length === 0 && !numbered
  // save() tells of its entities by the key.
  if (other.some(({ columns }) => columns.some((column) => column.isPrimary))) return true
  return other.length === 0 && !(numbered && given.length > 1) && !given.some((values) => isLinked(metadata, values))
}

/** Whether a row has the key of another, which may be the one that has it as its child: then the entity has none. */
function isLinked(metadata: EntityMetadata, values: object): boolean {
  return propertiesOf(metadata).some(({ columns, relation }) =>
    columns.some((column) => {
      if ((relation ?? column.relationMetadata)?.inverseRelation === undefined) return false
      return (column.getEntityValue(values) ?? undefined) !== undefined
    }),
  )
}
