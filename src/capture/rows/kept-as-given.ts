import { isDeepStrictEqual } from 'node:util'
import type { EntityMetadata } from 'typeorm'
import { type Property, propertiesOf } from '../properties'
import type { ColumnMetadata, Family } from '../typeorm'

/** Whether a value of a type of column is written as it will be read, by the names of the types. */
type Check = (value: unknown, column: ColumnMetadata, family: Family) => boolean

/** Half a surrogate pair is written as something else. */
const isText: Check = (value) => typeof value === 'string' && value.isWellFormed()
const isWhole: Check = (value) => Number.isSafeInteger(value)
const isFlag: Check = (value) => typeof value === 'boolean'
/** Not a text: as it may be JSON already, it is read as what that says. */
const isDocument: Check = (value) => typeof value === 'object' && isPlain(value)
/** Whether JSON tells of it as it is; a document has no hundred levels, unless it holds itself. */
const isPlain = (value: unknown, level = 0): boolean => {
  if (typeof value !== 'object') return ['string', 'boolean'].includes(typeof value) || Number.isFinite(value)
  if (value === null) return true
  const own = Object.values(value)
  const plain = Array.isArray(value) || Object.getPrototypeOf(value) === Object.prototype
  const left = Array.isArray(value) ? own : own.filter((one) => one !== undefined)
  return plain && level < 100 && left.every((one) => isPlain(one, level + 1))
}
const isMoment: Check = (value, { precision }, family) =>
  value instanceof Date && (family === 'sqlite' || (precision ?? 0) >= 3 || value.getTime() % 1000 === 0)
const isDay: Check = (value) => typeof value === 'string' && /^\d{4}-\d\d-\d\d$/.test(value)
const isName: Check = (value, column) => column.enum?.includes(value as string) ?? false
/** TypeORM puts a comma between them, and no one else may. */
const isList: Check = (value) => Array.isArray(value) && value.length > 0 && value.every(isPart)
const isPart = (value: unknown) => typeof value === 'string' && value !== '' && !value.includes(',')

/** SQLite makes numbers of texts wherever a column's type lets it. */
const isDecimal: Check = (value, { scale }, family) => {
  const parts = family === 'sqlite' ? null : /^-?(?:0|[1-9]\d*)(?:\.(\d+))?$/.exec(String(value))
  return parts !== null && (parts[1]?.length ?? 0) <= (scale ?? 0) && !Object.is(Number(value), -0)
}
const isDouble: Check = (value, { scale }) => Number.isFinite(value) && typeof scale !== 'number'
/** MySQL gives six digits of it. */
const isFloat: Check = (value, ...of) => isDouble(value, ...of) && Number((value as number).toPrecision(6)) === value
const isTime: Check = (value, { precision }) =>
  typeof value === 'string' && /^([01]\d|2[0-3]):[0-5]\d:[0-5]\d$/.test(value) && !precision
const isUuid: Check = (value) => typeof value === 'string' && /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/.test(value)
const isLarge: Check = (value, _, family) =>
  family !== 'sqlite' && typeof value === 'string' && /^(0|-?[1-9]\d*)$/.test(value)

const CHECKS: readonly (readonly [Check, ...unknown[]])[] = [
  [isWhole, Number, 'int', 'integer', 'tinyint', 'smallint', 'mediumint'],
  [isText, String, 'varchar', 'text', 'tinytext', 'mediumtext', 'longtext'],
  [(value, ...of) => isText(value, ...of) && !(value as string).endsWith(' '), 'char'],
  [isUuid, 'uuid'],
  [isFlag, Boolean, 'boolean', 'bool'],
  [isMoment, Date, 'datetime', 'timestamp'],
  [isDay, 'date'],
  [isTime, 'time'],
  [isName, 'enum', 'simple-enum'],
  [isDocument, 'json', 'simple-json'],
  [isList, 'simple-array'],
  [isDecimal, 'decimal', 'numeric', 'dec', 'fixed'],
  [isLarge, 'bigint'],
  [isDouble, 'double'],
  [isFloat, 'float'],
  [(value) => Buffer.isBuffer(value), 'blob', 'varbinary', 'longblob', 'mediumblob', 'tinyblob'],
]
const BY_TYPE = new Map(CHECKS.flatMap(([check, ...types]) => types.map((type) => [type, check] as const)))

/**
 * Whether the database stores the value as it is, and TypeORM reads it as such. Others are rounded, padded, sorted, or
 * spelt in another way: then only the row itself tells what was written.
 */
export function isKeptAsGiven(column: ColumnMetadata, value: unknown, family: Family): boolean {
  if (column.transformer === undefined) return value === null || isKept(column, value, family)
  const transformers = [column.transformer].flat()
  const stored = transformers.reduce<unknown>((made, one) => one.to(made), value)
  const read = transformers.reduceRight<unknown>((made, one) => one.from(made), stored)
  return isDeepStrictEqual(read, value) && (stored === null || isKept(column, stored, family))
}

function isKept(column: ColumnMetadata, value: unknown, family: Family): boolean {
  return BY_TYPE.get(column.type)?.(value, column, family) ?? false
}

/** The properties of which a new row may have another value than it is given. */
export function propertiesNotKept(metadata: EntityMetadata, values: object, family: Family): readonly Property[] {
  return propertiesOf(metadata).filter(({ columns, relation, also }) =>
    columns.some((column) => {
      const value: unknown = column.getEntityValue(values)
      if (value === undefined || typeof value === 'function') return value !== undefined
      // The key of another row is stored as that row has it.
      return relation === undefined && also === undefined && !isKeptAsGiven(column, value, family)
    }),
  )
}
