import { DataSource } from 'typeorm'
import type { AuditLogger } from '../../../src/audit-logger'
import { type EntryPoint, runWithContext } from '../../../src/index'
import { Invoice, Organisation, Profile, Session, User } from './entities'

/** The parts of the shop that the story plays with. */
export interface Shop {
  readonly dataSource: DataSource
  readonly audit: AuditLogger
  readonly acme: Organisation
  readonly ada: User
  readonly bob: User
}

/** An in-memory database with two organisations and a user in each; nothing is captured yet. */
export async function openDatabase(): Promise<DataSource> {
  const entities = [Organisation, Profile, User, Invoice, Session]
  const dataSource = await new DataSource({ type: 'sqljs', entities, synchronize: true }).initialize()
  for (const [username, organisation] of [
    ['ada', 'Acme Ltd'],
    ['bob', 'Globex'],
  ] as const) {
    const of = await dataSource.manager.save(Organisation, { name: organisation })
    const profile = await dataSource.manager.save(Profile, { phone: null, organisation: of })
    await dataSource.manager.save(User, { username, password: `first secret of ${username}`, isStaff: false, profile })
  }
  return dataSource
}

/** The users as an application's login has them: without their relations, so that the path has to be loaded. */
export async function openShop(dataSource: DataSource, audit: AuditLogger): Promise<Shop> {
  const { manager } = dataSource
  const user = (username: string) => manager.findOneByOrFail(User, { username })
  const acme = await manager.findOneByOrFail(Organisation, { name: 'Acme Ltd' })
  return { dataSource, audit, acme, ada: await user('ada'), bob: await user('bob') }
}

/** What an application's middleware does for every request. */
export function serve<T>(user: User | undefined, request: string, work: () => Promise<T>): Promise<T> {
  const [method, url] = request.split(' ')
  return runWithContext({ user, request: { method, url, ip: '203.0.113.7' }, entryPoint: 'http' }, work)
}

/** What an application does around a job or a command. */
export function inBackground<T>(entryPoint: EntryPoint, work: () => Promise<T>): Promise<T> {
  return runWithContext({ entryPoint }, work)
}
