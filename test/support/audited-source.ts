import { DataSource, type DataSourceOptions, type EntityManager } from 'typeorm'
import { Trail } from '../unit/capture/support'
import { emptyDatabase } from './matrix/targets'

/** A data source that is captured, on a database of its own with the tables of these entities. */
export interface AuditedSource {
  readonly dataSource: DataSource
  readonly manager: EntityManager
  readonly trail: Trail
  close(): Promise<void>
}

export async function openAudited(
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
