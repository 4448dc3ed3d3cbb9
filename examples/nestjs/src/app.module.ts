import { BullModule } from '@nestjs/bullmq'
import { Module } from '@nestjs/common'
import { TypeOrmModule } from '@nestjs/typeorm'
import { AuditModule } from 'typeorm-audit-logger/nestjs'
import { AuthController } from './auth/auth.controller'
import { Sessions } from './auth/sessions'
import { Invoice } from './entities/invoice'
import { Organisation } from './entities/organisation'
import { User } from './entities/user'
import { InvoicesController } from './invoices/invoices.controller'
import { RemindersProcessor } from './invoices/reminders.processor'
import { Seed } from './seed'

const REDIS = process.env.AUDIT_LOGGER_REDIS_URL ?? 'redis://127.0.0.1:6379'

@Module({
  imports: [
    // All that is needed: the data source, every request, and the queue below are audited with it.
    AuditModule.forRoot({ userOrganisationField: 'organisation' }),
    // In memory, so that the example needs no database.
    TypeOrmModule.forRoot({ type: 'sqljs', entities: [Organisation, User, Invoice], synchronize: true }),
    TypeOrmModule.forFeature([Organisation, User, Invoice]),
    BullModule.forRoot({ connection: { url: REDIS } }),
    BullModule.registerQueue({ name: 'reminders' }),
  ],
  controllers: [AuthController, InvoicesController],
  providers: [Sessions, Seed, RemindersProcessor],
})
export class AppModule {}
