import 'reflect-metadata'
import { DataSource } from 'typeorm'
import { AuditSubscriber, runWithContext } from 'typeorm-audit-logger'
import { Invoice } from './entities/invoice'
import { Organisation } from './entities/organisation'
import { User } from './entities/user'
import { hashPassword } from './password'

/** In memory, so that the example needs no database. AuditSubscriber is all that changes are logged by. */
export const dataSource = new DataSource({
  type: 'sqljs',
  entities: [Organisation, User, Invoice],
  synchronize: true,
  subscribers: [AuditSubscriber],
})

export async function openDatabase(): Promise<void> {
  await dataSource.initialize()
  await runWithContext({ entryPoint: 'system' }, addUsers)
}

/** Two users to log in as. */
async function addUsers(): Promise<void> {
  const { manager } = dataSource
  for (const [username, name] of [
    ['ada', 'Acme Ltd'],
    ['bob', 'Globex'],
  ] as const) {
    const organisation = await manager.save(manager.create(Organisation, { name }))
    const passwordHash = hashPassword('correct horse')
    await manager.save(manager.create(User, { username, passwordHash, organisation }))
  }
}
