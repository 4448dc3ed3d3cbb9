import { DataSource, type DataSourceOptions, type EntityManager } from 'typeorm'
import { afterEach } from 'vitest'
import { Trail } from '../unit/capture/support'
import { emptyDatabase } from './matrix/targets'

/** A data source that is captured, on a database of its own with the tables of these entities. */
export interface AuditedSource {
  readonly dataSource: DataSource
  readonly manager: EntityManager
  readonly trail: Trail
  close(): Promise<void>
}

/** For a file of tests: opens such data sources, and closes them after each test. */
export function auditedSources<Driver extends Parameters<typeof emptyDatabase>[0]>(
  entities: readonly (new () => object)[],
): (driver: Driver) => Promise<AuditedSource> {
  const opened: AuditedSource[] = []
  afterEach(async () => {
    for (const one of opened.splice(0)) await one.close()
  })
  return async (driver) => {
    const source = await openAudited(driver, entities)
    opened.push(source)
    return source
  }
}

async function openAudited(
  driver: Parameters<typeof emptyDatabase>[0],
  entities: readonly (new () => object)[],
): Promise<AuditedSource> {
  const options = { ...(await emptyDatabase(driver)), entities, synchronize: true }
  const dataSource = await new DataSource(options as unknown as DataSourceOptions).initialize()
  const trail = new Trail()
  const detach = trail.attach(dataSource)
  return {
    dataSource,
    manager: dataSource.manager,
    trail,
    async close() {
      detach()
      await dataSource.destroy()
    },
  }
}
