import { expect, it } from 'vitest'
import { isKeptAsGiven } from '../../../src/capture/rows/kept-as-given'
import type { ColumnMetadata, Family } from '../../../src/capture/typeorm'

const lower = { to: (value: string) => value.toLowerCase(), from: (value: string) => value }
const listed = { to: (value: string[]) => value.join(';'), from: (value: string) => value.split(';') }
const day = new Date('2026-01-01T00:00:00.000Z')
const ring: Record<string, unknown> = {}
ring.own = ring
const noon = new Date('2026-01-01T12:00:00.500Z')

it.each<[column: object, value: unknown, mysql: boolean, sqlite: boolean]>([
  [{ type: 'int' }, 5, true, true],
  [{ type: Number }, 2.6, false, false],
  [{ type: 'integer' }, '5', false, false],
  [{ type: String }, 'x', true, true],
  [{ type: 'varchar' }, 7, false, false],
  [{ type: 'varchar' }, null, true, true],
  [{ type: Boolean }, true, true, true],
  [{ type: 'boolean' }, 1, false, false],
  [{ type: 'datetime' }, day, true, true],
  [{ type: 'datetime' }, noon, false, true],
  [{ type: 'datetime', precision: 6 }, noon, true, true],
  [{ type: 'date' }, '2026-01-01', true, true],
  [{ type: 'date' }, '2026-1-1', false, false],
  [{ type: 'decimal', scale: 2 }, '1.25', true, false],
  [{ type: 'decimal', scale: 2 }, '1.255', false, false],
  [{ type: 'decimal', scale: 2 }, '01.2', false, false],
  [{ type: 'bigint' }, '9007199254740993', true, false],
  [{ type: 'bigint' }, '007', false, false],
  [{ type: 'double' }, 1.5, true, true],
  [{ type: 'enum', enum: ['open'] }, 'open', true, true],
  [{ type: 'enum', enum: ['open'] }, 'OPEN', false, false],
  [{ type: 'simple-array' }, ['a', 'b'], true, true],
  [{ type: 'simple-array' }, ['a,b'], false, false],
  [{ type: 'double', precision: 10, scale: 2 }, 1.5, false, false],
  [{ type: 'float' }, 1.5, true, true],
  [{ type: 'float' }, 16777217, false, false],
  [{ type: 'char' }, 'x', true, true],
  [{ type: 'char' }, 'x ', false, false],
  [{ type: 'time' }, '09:30:00', true, true],
  [{ type: 'time' }, '9:30', false, false],
  [{ type: 'uuid' }, '0199a7d2-9f3c-7c1e-8a53-0d7f6f9f2b10', true, true],
  [{ type: 'uuid' }, '0199A7D2-9F3C-7C1E-8A53-0D7F6F9F2B10', false, false],
  [{ type: 'decimal', scale: 2 }, '-0', false, false],
  [{ type: 'varchar' }, 'half \ud800', false, false],
  [{ type: 'json' }, { a: 1, b: undefined, c: [{ d: null }, 'x', true] }, true, true],
  [{ type: 'json' }, { a: new Map([['b', 1]]) }, false, false],
  [{ type: 'json' }, [new Set([1])], false, false],
  [{ type: 'json' }, [undefined], false, false],
  [{ type: 'simple-json' }, { a: { b: Number.NaN } }, false, false],
  [{ type: 'json' }, { a: Buffer.from('x') }, false, false],
  [{ type: 'json' }, { a: day }, false, false],
  [{ type: 'json' }, '{"a":1}', false, false],
  [{ type: 'json' }, ring, false, false],
  [{ type: 'blob' }, Buffer.from('a'), true, true],
  [{ type: 'set', enum: ['a'] }, ['a'], false, false],
  [{ type: 'varchar', transformer: lower }, 'x@y', true, true],
  [{ type: 'varchar', transformer: lower }, 'X@Y', false, false],
  [{ type: 'varchar', transformer: [listed, lower] }, ['a', 'b'], true, true],
])('%o keeps %o: %s in MySQL, %s in SQLite', (column, value, mysql, sqlite) => {
  const kept = (family: Family) => isKeptAsGiven(column as ColumnMetadata, value, family)
  expect([kept('mysql'), kept('sqlite')]).toEqual([mysql, sqlite])
})
