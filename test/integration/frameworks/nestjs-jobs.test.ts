import 'reflect-metadata'
import type { AddressInfo } from 'node:net'
import { BullModule, InjectFlowProducer, InjectQueue, Processor, WorkerHost } from '@nestjs/bullmq'
import { Body, Controller, Inject, Module, Post, Req, Scope } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { ExpressAdapter } from '@nestjs/platform-express'
import { FlowProducer, type Job, Queue, Worker } from 'bullmq'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { AuditLogger } from '../../../src'
import { AuditJob, AuditModule } from '../../../src/context/adapters/nestjs'
import type { AuditEvent } from '../../../src/event/event'
import { type RedisServer, startRedisServer } from '../../support/redis-server'
import { waitFor } from '../../support/wait-for'

let server: RedisServer
let redis: Redis
beforeAll(async () => {
  server = await startRedisServer()
  redis = new Redis(server.url)
})
afterAll(async () => {
  redis?.disconnect()
  await server?.stop()
})

async function pending(): Promise<AuditEvent[]> {
  return (await redis.lrange('{audit-logger}:pending', 0, -1)).map((line) => JSON.parse(line) as AuditEvent)
}

/** Tells the slow job that the application has begun to close. */
class Closing {
  promise: Promise<void>
  resolve!: () => void

  constructor() {
    this.promise = new Promise((resolve) => {
      this.resolve = resolve
    })
  }

  /** Of the root module's, so first. */
  onApplicationShutdown(): void {
    this.resolve()
  }
}
const closing = new Closing()

@Processor('mail')
class MailProcessor extends WorkerHost {
  constructor(@Inject(AuditLogger) private readonly audit: AuditLogger) {
    super()
  }

  async process(job: Job): Promise<void> {
    this.audit.sendLog('MAILED', { data: job.data })
    if (job.data.slow) {
      await closing.promise
      // Long enough for a logger that does not wait for jobs to have closed.
      for (let step = 0; step < 50; step += 1) await job.updateProgress(step)
      this.audit.sendLog('SLOWLY')
    }
  }
}

@Processor({ name: 'print', scope: Scope.REQUEST })
class PrintProcessor extends WorkerHost {
  constructor(@Inject(AuditLogger) private readonly audit: AuditLogger) {
    super()
  }

  async process(job: Job): Promise<void> {
    this.audit.sendLog('PRINTED', { data: job.data })
  }
}

@Controller('jobs')
class JobsController {
  constructor(
    @InjectQueue('mail') private readonly mail: Queue,
    @InjectFlowProducer('flows') private readonly flows: FlowProducer,
  ) {}

  @Post()
  async add(@Req() request: { user?: object }, @Body() data: object): Promise<object> {
    request.user = { id: 1, username: 'ada', organisation: 'Acme Ltd' }
    await this.mail.add('mail', data)
    await this.flows.add({ name: 'print', queueName: 'print', data })
    return {}
  }
}

function appModule(): new () => object {
  @Module({
    imports: [
      BullModule.forRoot({ connection: { url: server.url } }),
      BullModule.registerQueue({ name: 'mail' }, { name: 'print' }),
      BullModule.registerFlowProducer({ name: 'flows' }),
      // Last, so that it is not by its place that it begins first and ends last.
      AuditModule.forRoot({ redis: server.url, userOrganisationField: 'organisation' }),
    ],
    controllers: [JobsController],
    providers: [MailProcessor, PrintProcessor, { provide: Closing, useValue: closing }],
  })
  class AppModule {}
  return AppModule
}

it('lets the context travel through the queues of @nestjs/bullmq without a word, and closes after the last job', async () => {
  const app = await NestFactory.create(appModule(), new ExpressAdapter(), { logger: false, abortOnError: false })
  await app.listen(0, '127.0.0.1')
  const { port } = app.getHttpServer().address() as AddressInfo
  const response = await fetch(`http://127.0.0.1:${port}/jobs`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-request-id': 'req-1' },
    body: JSON.stringify({ slow: true }),
  })
  expect(response.status).toBe(201)
  await waitFor(async () => (await pending()).length >= 3, { what: 'both jobs' })
  // While the slow job is under way.
  await app.close()
  const all = await pending()
  expect([all[0]?.action, all.at(-2)?.action, all.at(-1)?.action]).toEqual(['AUDIT_STARTED', 'SLOWLY', 'AUDIT_STOPPED'])
  expect(
    all
      .map(({ action }) => action)
      .slice(1, 3)
      .sort(),
  ).toEqual(['MAILED', 'PRINTED'])
  for (const event of all.slice(1, -1)) {
    expect(event).toMatchObject({
      user: { pk: '1', type: 'user', username: 'ada', organisation: 'Acme Ltd' },
      request: { id: 'req-1' },
      entry_point: 'job',
    })
    if (event.action !== 'SLOWLY') expect(event.content?.data).toEqual({ slow: true })
  }
})

it('@AuditJob gives one method the context, where the module does not', async () => {
  const audit = new AuditLogger({ redis: server.url, prefix: 'by-hand', lifecycleEvents: false })
  class Host {
    @AuditJob({ audit })
    async process(_job: Job): Promise<void> {
      audit.sendLog('BY_HAND')
    }
  }
  const host = new Host()
  const connection = { url: server.url, maxRetriesPerRequest: null }
  const queue = new Queue('by-hand', { connection })
  const worker = new Worker('by-hand', host.process.bind(host), { connection })
  await queue.add('job', {})
  const line = await waitFor(() => redis.lindex('{by-hand}:pending', 0), { what: 'the event' })
  expect(JSON.parse(line)).toMatchObject({ user: { type: 'system' }, entry_point: 'job' })
  await worker.close()
  await queue.close()
  await audit.close()
})
