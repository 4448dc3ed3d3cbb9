import { DataSource, type DataSourceOptions } from 'typeorm'
import { afterEach } from 'vitest'
import type { AuditLoggerOptions } from '../../config/settings'
import { Trail } from '../unit/capture/support'
import { createDatabase } from './shared'

interface TwinOptions {
  /** Run in both: what TypeORM does not make of entities. */
  sql?: readonly string[]
  /** Whether TypeORM makes the tables; unless given, it does. */
  synchronize?: boolean
  options?: object
  settings?: AuditLoggerOptions
}

/** For a file of tests: starts such pairs, one in each test, and closes them after it. */
export function twinDatabases(): typeof TwinDatabases.start {
  let started: TwinDatabases | undefined
  afterEach(async () => {
    await started?.close()
    started = undefined
  })
  return async (...given) => {
    started = await TwinDatabases.start(...given)
    return started
  }
}

/** Two PostgreSQL databases alike, of which one is audited: whatever is done to both must come to the same. */
export class TwinDatabases {
  readonly plain: DataSource
  readonly audited: DataSource
  readonly trail: Trail

  private constructor(plain: DataSource, audited: DataSource, trail: Trail) {
    this.plain = plain
    this.audited = audited
    this.trail = trail
  }

  static async start(
    entities: readonly (new () => object)[],
    { sql = [], synchronize = true, options = {}, settings = {} }: TwinOptions = {},
  ): Promise<TwinDatabases> {
    const make = async (): Promise<DataSource> => {
      const place = await createDatabase('postgres')
      const given = { ...place, entities: [...entities], synchronize, ...options } as DataSourceOptions
      const dataSource = await new DataSource(given).initialize()
      for (const one of sql) await dataSource.query(one)
      return dataSource
    }
    const [plain, audited] = [await make(), await make()]
    const trail = new Trail({ models: 'all', ...settings })
    trail.attach(audited)
    return new TwinDatabases(plain, audited, trail)
  }

  /** What came of it, or the error's message. */
  readonly both = async (
    run: (source: DataSource) => Promise<unknown>,
  ): Promise<{ plain: unknown; audited: unknown }> => {
    const one = (source: DataSource) => run(source).catch((error: Error) => `failed: ${error.message}`)
    return { plain: await one(this.plain), audited: await one(this.audited) }
  }

  async close(): Promise<void> {
    await Promise.all([this.plain.destroy(), this.audited.destroy()])
  }
}
