import { DataSource, type DataSourceOptions } from 'typeorm'
import { DataSource as OldDataSource } from 'typeorm-0.3'
import { describe, expect, it } from 'vitest'

const BUILDER = [
  'execute',
  'getQuery',
  'getQueryAndParameters',
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
const BROADCASTER = ['Insert', 'Update', 'Remove', 'SoftRemove', 'Recover', 'TransactionCommit']
  .flatMap((event) => [`broadcastBefore${event}Event`, `broadcastAfter${event}Event`])
  .concat('broadcastLoadEvent')
const MANAGER = ['save', 'remove', 'softRemove', 'recover', 'clear']

/** Fails by the name of what changed when another version of TypeORM is installed. */
describe.each([
  ['1.x', (type: string) => new DataSource({ type } as DataSourceOptions)],
  ['0.3', (type: string) => new OldDataSource({ type } as never) as unknown as DataSource],
] as const)('TypeORM %s has what src/capture/rows/builder.ts says', (_, make) => {
  const dataSource = make('sqljs')
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
    // execute() asks itself for the statement, and hands it to a query runner with the very list of parameters, once.
    const execute = String(Reflect.get(builder, 'execute'))
    expect(execute).toMatch(/const \[\w+, parameters\] = this\.getQueryAndParameters\(\)/)
    expect(execute.match(/queryRunner\.query\(.*, parameters, true\)/g)).toHaveLength(1)
    expect(
      execute.slice(execute.indexOf('getQueryAndParameters'), execute.indexOf('queryRunner.query(')),
    ).not.toContain(' await this')
  })

  it.each([
    ['postgres', /databaseConnection\.query\(query, parameters\)/],
    [
      'mariadb',
      /databaseConnection\s*\.promise\(\)\s*\.query\(|databaseConnection\.query\(queryPayload, parameters, (async )?\(/,
    ],
  ] as const)('query() of a query runner of %s asks for its connection before it waits for anything', (type, sends) => {
    const runner = make(type).driver.createQueryRunner('master')
    const prototype = Object.getPrototypeOf(runner) as object
    expect(['query', 'connect'].filter((name) => !Object.hasOwn(prototype, name))).toEqual([])
    const query = String(runner.query)
    expect(query.slice(0, query.indexOf('await') + 40)).toMatch(/= await this\.connect\(\)/)
    expect(query).toMatch(sends)
  })

  it('query() of a query runner of SQLite is its own', () => {
    const runner = dataSource.driver.createQueryRunner('master')
    expect(Object.hasOwn(Object.getPrototypeOf(runner) as object, 'query')).toBe(true)
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

  it('methods of what tells subscribers', () => {
    const { broadcaster } = dataSource.driver.createQueryRunner('master') as unknown as { broadcaster: object }
    const prototype = Object.getPrototypeOf(broadcaster) as object
    expect(BROADCASTER.filter((name) => !Object.hasOwn(prototype, name))).toEqual([])
  })

  it('methods of the entity manager', () => {
    expect(MANAGER.filter((name) => typeof Reflect.get(dataSource.manager, name) !== 'function')).toEqual([])
  })
})

describe.each([
  ['pg', () => (new DataSource({ type: 'postgres' }).driver as unknown as { postgres: { Query: unknown } }).postgres],
] as const)('%s', (_, load) => {
  it('has queries that hand on their rows one by one, with or without a callback', () => {
    const { Query } = load() as { Query: new (config: object) => object }
    const query = new Query({ text: 'SELECT 1', values: [], rowMode: 'array' })
    expect('callback' in query && typeof Reflect.get(query, 'on') === 'function').toBe(true)
    const types = { getTypeParser: () => (sent: string) => sent }
    const inherited = new Query(Object.create({ text: 'SELECT $1', values: ['1'], rowMode: 'array', types }) as object)
    expect(inherited).toMatchObject({ text: 'SELECT $1', values: ['1'], types })
    expect(String(Reflect.get(query, 'handleDataRow'))).toMatch(/emit\('row'[\s\S]*_accumulateRows/)
  })
})
