import 'reflect-metadata'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { AuditLogger, runWithContext } from '../../../src'
import { AuditCron, auditCommand, auditCron } from '../../../src/context/adapters/command'
import type { AuditEvent } from '../../../src/event/event'
import { type RedisServer, startRedisServer } from '../../support/redis-server'
import { build } from '../../support/shared'
import { ROOT, spawnNode } from '../../support/spawn-process'
import { removeDirectory, temporaryDirectory } from '../../support/temp-directory'

let server: RedisServer
let redis: Redis
let audit: AuditLogger
let directory: string

beforeAll(async () => {
  server = await startRedisServer()
  redis = new Redis(server.url)
  directory = temporaryDirectory('command')
})
afterAll(async () => {
  redis?.disconnect()
  removeDirectory(directory)
  await server?.stop()
})
beforeEach(async () => {
  await redis.flushall()
  audit = new AuditLogger({ redis: server.url, lifecycleEvents: false })
  return () => audit.close()
})

async function events(): Promise<AuditEvent[]> {
  return (await redis.lrange('{audit-logger}:pending', 0, -1)).map((line) => JSON.parse(line) as AuditEvent)
}

describe('auditCommand', () => {
  it('resolves with the result when the events are on the pending list, as the system’s own, from cli', async () => {
    const result = await auditCommand({ name: 'import', audit, extra: { file: 'a.csv' } }, async () => {
      audit.sendLog('IMPORTED', { rows: 3 })
      return 3
    })
    expect(result).toBe(3)
    const [event] = await events()
    expect(event).toMatchObject({ action: 'IMPORTED', entry_point: 'cli', user: { type: 'system' } })
    expect(event?.content).toEqual({ command: 'import', file: 'a.csv', rows: 3 })
  })

  it.each([
    ['a name', 'ops', { pk: 'ops', type: 'user' }],
    ['a user object', { id: 7, username: 'ada' }, { pk: '7', type: 'user', username: 'ada' }],
    ['a function for one', () => ({ id: 8 }), { pk: '8', type: 'user' }],
  ])('runs on behalf of %s', async (_kind, user, expected) => {
    const options = { name: 'import', user, organisation: 'Acme Ltd', audit }
    await auditCommand(options, () => audit.sendLog('IMPORTED'))
    expect(await events()).toMatchObject([{ user: { ...expected, organisation: 'Acme Ltd' }, entry_point: 'cli' }])
  })

  it('throws on what the command throws, with its events pushed', async () => {
    const failing = auditCommand({ name: 'import', audit }, () => {
      audit.sendLog('IMPORTED')
      throw new Error('no such file')
    })
    await expect(failing).rejects.toThrow('no such file')
    expect(await events()).toHaveLength(1)
  })

  it('has nothing of a context around it', async () => {
    await runWithContext({ user: 1, request: { id: 'r' } }, () =>
      auditCommand({ name: 'import', audit }, () => audit.sendLog('IMPORTED')),
    )
    const [event] = await events()
    expect(event?.user).toEqual({ type: 'system' })
    expect(event).not.toHaveProperty('request')
  })

  it.each([
    ['its exit code', 'process.exitCode = 3', 3],
    ['the code of a failure', `throw new Error('broken')`, 1],
    ['success', '', 0],
  ])('in a real process ends by itself with %s, every event on the pending list', async (_kind, statement, code) => {
    await build()
    const dist = JSON.stringify(join(ROOT, 'dist/src'))
    const file = join(directory, `command-${code}.cjs`)
    writeFileSync(
      file,
      `const { sendLog } = require(${dist})
      const { auditCommand } = require(${dist} + '/context/adapters/command')
      auditCommand({ name: 'import', user: 'ops' }, async () => {
        for (let n = 0; n < 500; n += 1) sendLog('IMPORTED', { n })
        ${statement}
      })`,
    )
    const command = spawnNode(file, [], { env: { REDIS_URL: server.url } })
    expect(await command.waitForExit(), command.output).toEqual({ code, signal: null })
    const all = await events()
    expect(all).toHaveLength(502)
    expect([all[0]?.action, all.at(-1)?.action]).toEqual(['AUDIT_STARTED', 'AUDIT_STOPPED'])
    expect(all[500]).toMatchObject({
      user: { pk: 'ops', type: 'user' },
      entry_point: 'cli',
      content: { command: 'import', n: 499 },
    })
  })
})

describe('auditCron', () => {
  it('gives the scheduler a function that does the same, as the system’s own, with the entry point job', async () => {
    const host = {
      factor: 2,
      run: auditCron('double', function (this: { factor: number }, n: number) {
        audit.sendLog('DOUBLED')
        return n * this.factor
      }),
    }
    expect(runWithContext({ user: 1, request: { id: 'r' } }, () => host.run(21))).toBe(42)
    await audit.flush()
    const [event] = await events()
    expect(event).toMatchObject({ action: 'DOUBLED', entry_point: 'job', content: { cron: 'double' } })
    expect(event?.user).toEqual({ type: 'system' })
    expect(event).not.toHaveProperty('request')
  })

  it('as a decorator keeps what others have noted on the method, wherever it stands among them', async () => {
    const Noted = (_target: object, _key: string, { value }: PropertyDescriptor) =>
      Reflect.defineMetadata('schedule', 'nightly', value as object)
    class Billing {
      readonly rows = 3

      @AuditCron('billing')
      @Noted
      bill(): number {
        audit.sendLog('BILLED')
        return this.rows
      }

      @Noted
      @AuditCron()
      remind(): void {
        audit.sendLog('REMINDED')
      }
    }
    const billing = new Billing()
    expect(billing.bill()).toBe(3)
    billing.remind()
    for (const method of [billing.bill, billing.remind]) expect(Reflect.getMetadata('schedule', method)).toBe('nightly')
    await audit.flush()
    expect(await events()).toMatchObject([{ content: { cron: 'billing' } }, { content: { cron: 'remind' } }])
  })

  it('keeps what is thrown, and the context through promises', async () => {
    const failing = auditCron('sweep', async () => {
      await Promise.resolve()
      audit.sendLog('SWEPT')
      throw new Error('no broom')
    })
    await expect(failing()).rejects.toThrow('no broom')
    await audit.flush()
    expect(await events()).toMatchObject([{ content: { cron: 'sweep' }, entry_point: 'job' }])
  })
})
