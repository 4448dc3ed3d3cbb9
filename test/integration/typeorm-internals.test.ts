import { DataSource } from 'typeorm'
import { DataSource as OldDataSource } from 'typeorm-0.3'
import { describe, expect, it } from 'vitest'

const BUILDER = [
  'execute',
  'getQuery',
  'getQueryAndParameters',
  'obtainQueryRunner',
  'createComment',
  'createCteExpression',
  'createWhereExpression',
  'createReturningExpression',
  'getTableName',
  'getMainTableName',
  'escape',
  'replacePropertyNamesForTheWholeQuery',
]
const UPDATE = [...BUILDER, 'createUpdateExpression', 'createOrderByExpression', 'createLimitExpression']
const MAP = ['queryType', 'whereEntities', 'callListeners', 'updateEntity', 'onIgnore', 'valuesSet']
const MANAGER = ['save', 'remove', 'softRemove', 'recover', 'clear']

/** Fails by the name of what changed when another version of TypeORM is installed. */
describe.each([
  ['1.x', () => new DataSource({ type: 'sqljs' })],
  ['0.3', () => new OldDataSource({ type: 'sqljs' }) as unknown as DataSource],
] as const)('TypeORM %s has what src/capture/rows/builder.ts says', (_, make) => {
  const dataSource = make()
  const query = () => dataSource.createQueryBuilder()

  it.each([
    ['insert', query().insert(), BUILDER],
    ['delete', query().delete(), BUILDER],
    ['update', query().update(), UPDATE],
    ['softDelete', query().softDelete(), UPDATE],
  ] as const)('methods of the builder of %s()', (_name, builder, methods) => {
    const missing = methods.filter((name) => typeof Reflect.get(builder, name) !== 'function')
    expect(missing).toEqual([])
    expect(Object.hasOwn(Object.getPrototypeOf(builder) as object, 'execute')).toBe(true)
    // execute() takes its query runner from this method, and asks it once for a structured result.
    expect(String(Reflect.get(builder, 'execute'))).toMatch(/this\.obtainQueryRunner\(\)/)
    expect(String(Reflect.get(builder, 'execute'))).toMatch(/queryRunner\.query\(.*, true\)/)
  })

  it('members of the expression map', () => {
    const { expressionMap } = query().update()
    expect(
      MAP.filter(
        (name) =>
          !(name in expressionMap) && !Object.hasOwn(expressionMap, name) && !['onIgnore', 'valuesSet'].includes(name),
      ),
    ).toEqual([])
  })

  it('methods of the entity manager', () => {
    expect(MANAGER.filter((name) => typeof Reflect.get(dataSource.manager, name) !== 'function')).toEqual([])
  })
})
