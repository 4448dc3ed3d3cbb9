import { Injectable, type OnModuleInit } from '@nestjs/common'
import { InjectDataSource } from '@nestjs/typeorm'
import { DataSource } from 'typeorm'
import { runWithContext } from 'typeorm-audit-logger'
import { hashPassword } from './auth/password'
import { Organisation } from './entities/organisation'
import { User } from './entities/user'

/** Two users to log in as. */
@Injectable()
export class Seed implements OnModuleInit {
  constructor(@InjectDataSource() private readonly dataSource: DataSource) {}

  async onModuleInit(): Promise<void> {
    await runWithContext({ entryPoint: 'system' }, () => this.addUsers())
  }

  private async addUsers(): Promise<void> {
    const { manager } = this.dataSource
    for (const [username, name] of [
      ['ada', 'Acme Ltd'],
      ['bob', 'Globex'],
    ] as const) {
      const organisation = await manager.save(manager.create(Organisation, { name }))
      const passwordHash = hashPassword('correct horse')
      await manager.save(manager.create(User, { username, passwordHash, organisation }))
    }
  }
}
