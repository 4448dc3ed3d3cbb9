import { symlinkSync } from 'node:fs'
import { join } from 'node:path'
import Redis from 'ioredis'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { PackedProject } from '../support/packed-project'
import { startRedisServer } from '../support/redis-server'
import { ROOT, spawnNode } from '../support/spawn-process'

let project: PackedProject
beforeAll(async () => {
  project = await PackedProject.install()
}, 300_000)
afterAll(() => project?.remove())

const NAMES = `AuditUpdateDelete, AuditLogger, AuditSubscriber, sendLog, logLogin, logLoginFailed, logLogout,
  runWithContext, flush, close`

test('everything the design names can be imported by name from an ES module', async () => {
  const printed = await project.run(
    'names.mjs',
    `import { ${NAMES} } from 'typeorm-audit-logger'
    console.log([${NAMES}].map((value) => typeof value).join())`,
  )
  expect(printed).toBe(Array(10).fill('function').join())
})

test('everything the design names can be required', async () => {
  const printed = await project.run(
    'names.cjs',
    `const { ${NAMES} } = require('typeorm-audit-logger')
    console.log([${NAMES}].map((value) => typeof value).join())`,
  )
  expect(printed).toBe(Array(10).fill('function').join())
})

test('a context set through one kind of import is seen through the other, both ways', async () => {
  const printed = await project.run(
    'shared.mjs',
    `import { createRequire } from 'node:module'
    import * as esm from 'typeorm-audit-logger'
    const cjs = createRequire(import.meta.url)('typeorm-audit-logger')
    const seen = [
      esm.AuditLogger === cjs.AuditLogger,
      esm.runWithContext({ extra: { set: 'by esm' } }, () => cjs.currentContext().extra.set),
      cjs.runWithContext({ extra: { set: 'by cjs' } }, () => esm.currentContext().extra.set),
    ]
    console.log(seen.join())`,
  )
  expect(printed).toBe('true,by esm,by cjs')
})

test('the main entry loads neither the AWS SDK nor BullMQ: they are for the worker', async () => {
  const printed = await project.run(
    'loaded.cjs',
    `require('typeorm-audit-logger')
    const loaded = () => Object.keys(require.cache).filter((path) => /node_modules\\/(@aws-sdk|@smithy|bullmq)\\//.test(path))
    const before = loaded().length
    const { startWorker } = require('typeorm-audit-logger/worker')
    console.log(JSON.stringify({ before, after: loaded().length > 0, startWorker: typeof startWorker }))`,
  )
  // That it finds them after loading the worker shows that it looks in the right place.
  expect(JSON.parse(printed)).toEqual({ before: 0, after: true, startWorker: 'function' })
})

test('startWorker can be imported from an ES module', async () => {
  const text = `import { startWorker } from 'typeorm-audit-logger/worker'\nconsole.log(typeof startWorker)`
  expect(await project.run('worker.mjs', text)).toBe('function')
})

test('the reader can be imported alone, by both kinds of import, and loads neither AWS, BullMQ nor Redis', async () => {
  const text = `import { readEvents } from 'typeorm-audit-logger/reader'\nconsole.log(typeof readEvents)`
  expect(await project.run('reader.mjs', text)).toBe('function')
  const printed = await project.run(
    'reader.cjs',
    `const { EventReader } = require('typeorm-audit-logger/reader')
    const read = new EventReader().push('{"v":1,"id":"a","date":"2026-01-01T00:00:00.000Z","action":"A"}')
    const loaded = Object.keys(require.cache).filter((path) => /node_modules\\/(@aws-sdk|bullmq|ioredis)\\//.test(path))
    console.log(JSON.stringify({ action: read.event.action, loaded: loaded.length }))`,
  )
  expect(JSON.parse(printed)).toEqual({ action: 'A', loaded: 0 })
})

test('the login hooks can be imported by both kinds of import, and load no framework, Passport included', async () => {
  const esm = `import { auditPassport } from 'typeorm-audit-logger/passport'
    import { auditFastifySession, auditSession } from 'typeorm-audit-logger/session'
    console.log([auditPassport, auditSession, auditFastifySession].map((value) => typeof value).join())`
  expect(await project.run('login.mjs', esm)).toBe('function,function,function')
  const printed = await project.run(
    'login.cjs',
    `const { auditPassport } = require('typeorm-audit-logger/passport')
    const { auditSession } = require('typeorm-audit-logger/session')
    const loaded = Object.keys(require.cache).filter((path) => /node_modules\\/(passport|express|fastify|@nestjs)/.test(path))
    console.log([typeof auditPassport, typeof auditSession, loaded.length].join())`,
  )
  expect(printed).toBe('function,function,0')
})

test('the adapters of requests can be imported by both kinds of import, and load no framework', async () => {
  const entries = ['express', 'fastify', 'koa', 'http']
  const imports = entries.map((entry) => `import { auditContext as ${entry} } from 'typeorm-audit-logger/${entry}'`)
  const text = `${imports.join('\n')}\nconsole.log([${entries.join()}].map((one) => typeof one).join())`
  expect(await project.run('requests.mjs', text)).toBe('function,function,function,function')
  const loaded = await project.run(
    'requests.cjs',
    `for (const entry of ${JSON.stringify(entries)}) require('typeorm-audit-logger/' + entry).auditContext
    console.log(Object.keys(require.cache).filter((path) => /node_modules\\/(express|fastify|koa|@koa|@aws-sdk|bullmq)\\//.test(path)).length)`,
  )
  expect(loaded).toBe('0')
})

test('the entries for jobs, commands and NestJS can be loaded by both kinds of import, and load no more than they need', async () => {
  const names = { bullmq: 'auditQueue, auditProcessor, AuditJob', command: 'auditCommand, auditCron' }
  for (const [entry, list] of Object.entries(names)) {
    const types = Array(list.split(',').length).fill('function').join()
    const text = `import { ${list} } from 'typeorm-audit-logger/${entry}'\nconsole.log([${list}].map((one) => typeof one).join())`
    expect(await project.run(`${entry}.mjs`, text)).toBe(types)
  }
  const loaded = await project.run(
    'jobs.cjs',
    `require('typeorm-audit-logger/bullmq')
    require('typeorm-audit-logger/command')
    console.log(Object.keys(require.cache).filter((path) => /node_modules\\/(@aws-sdk|bullmq|@nestjs)\\//.test(path)).length)`,
  )
  expect(loaded).toBe('0')
  const missing = await project.run(
    'no-nest.cjs',
    `try { require('typeorm-audit-logger/nestjs') } catch (error) { console.log(error.message.split('\\n')[0]) }`,
  )
  expect(missing).toBe("Cannot find module '@nestjs/common'")
})

test('the module for NestJS loads its ES modules from CommonJS without a warning', async () => {
  for (const name of ['@nestjs', 'rxjs']) {
    symlinkSync(join(ROOT, 'node_modules', name), join(project.directory, 'node_modules', name))
  }
  const text = `const { AuditModule } = require('typeorm-audit-logger/nestjs')
    const { AuditLogger } = require('typeorm-audit-logger')
    const { exports: given } = AuditModule.forRoot()
    import('typeorm-audit-logger/nestjs').then((esm) => console.log(given[0] === AuditLogger, esm.AuditModule === AuditModule))`
  const script = spawnNode(project.write('nest.cjs', text), [], { cwd: project.directory })
  expect(await script.waitForExit()).toEqual({ code: 0, signal: null })
  expect([script.stdout, script.stderr]).toEqual([['true true'], []])
})

test('internals are not reachable: only the entry points are', async () => {
  const printed = await project.run(
    'internals.cjs',
    `try { require('typeorm-audit-logger/dist/config/settings') } catch (error) { console.log(error.code) }`,
  )
  expect(printed).toBe('ERR_PACKAGE_PATH_NOT_EXPORTED')
})

test('the testing aid can be imported by both kinds of import, alone: it loads no test framework and no connection', async () => {
  const text = `import { auditMatchers, TestAuditLogger } from 'typeorm-audit-logger/testing'
    const audit = new TestAuditLogger()
    audit.event('A', { password: 'hunter2' })
    console.log(auditMatchers.toHaveRecorded.call({}, audit, 'A', { content: { password: '***' } }).pass)`
  expect(await project.run('testing.mjs', text)).toBe('true')
  const printed = await project.run(
    'testing.cjs',
    `const { TestAuditLogger } = require('typeorm-audit-logger/testing')
    const { AuditLogger, sendLog } = require('typeorm-audit-logger')
    const audit = new TestAuditLogger()
    sendLog('A')
    const loaded = Object.keys(require.cache).filter((path) => /node_modules\\/(vitest|jest|@jest|expect|bullmq)\\//.test(path))
    console.log(JSON.stringify({ events: audit.events.length, same: audit instanceof AuditLogger, loaded: loaded.length }))`,
  )
  expect(JSON.parse(printed)).toEqual({ events: 1, same: true, loaded: 0 })
})

test('an event sent by the installed package is on the pending list when flush() resolves, and the process ends', async () => {
  const server = await startRedisServer()
  const redis = new Redis(server.url)
  try {
    await project.run(
      'send.cjs',
      `const { sendLog, flush, close } = require('typeorm-audit-logger')
      sendLog('REPORT_EXPORTED', { user: { id: 7 }, rows: 12 })
      flush().then(close)`,
      { AUDIT_LOGGER_REDIS_URL: server.url },
    )
    const lines = await redis.lrange('{audit-logger}:pending', 0, -1)
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([
      { v: 1, action: 'AUDIT_STARTED' },
      { v: 1, action: 'REPORT_EXPORTED', content: { rows: 12 } },
      { v: 1, action: 'AUDIT_STOPPED' },
    ])
  } finally {
    redis.disconnect()
    await server.stop()
  }
})

test('npx audit-logger --help names its commands', async () => {
  const printed = await project.command('npx', '--no-install', 'audit-logger', '--help')
  for (const command of ['worker', 'flush', 'status', 'check', 'dead-letter']) expect(printed).toContain(command)
})

const CONSUMER = `import { type AuditEvent, AuditLogger, AuditUpdateDelete, close, sendLog } from 'typeorm-audit-logger'
import { auditMatchers, TestAuditLogger } from 'typeorm-audit-logger/testing'
import { startWorker } from 'typeorm-audit-logger/worker'

export const matched: boolean = auditMatchers.toHaveRecorded.call({}, new TestAuditLogger(), 'A', { model: 'Plain' }).pass

@AuditUpdateDelete
export class Plain {}

@AuditUpdateDelete({ actions: ['update'], mask: ['iban'] })
export class Account {
  iban = ''
}

export const event: Pick<AuditEvent, 'v' | 'action'> = { v: 1, action: 'OBJ_CREATE' }
export const logger = new AuditLogger({ userOrganisationField: 'profile.organisation', redis: 'redis://127.0.0.1' })
sendLog('REPORT_EXPORTED', { reason: 'asked for', rows: 12 })
export const ended: Promise<void> = close()
export const started = startWorker({ groupName: 'audit', streamName: 'shop' })
// @ts-expect-error: an option that does not exist must not compile
export const wrong = new AuditLogger({ no: 'such option' })
`

test.each([
  ['an ES module', 'consumer.mts', { module: 'nodenext' }],
  ['CommonJS', 'consumer.cts', { module: 'nodenext' }],
  ['a bundled module', 'consumer.ts', { module: 'esnext', moduleResolution: 'bundler' }],
])('a TypeScript application compiles against the types as %s', async (_kind, file, options) => {
  project.write(file, CONSUMER)
  const compilerOptions = {
    ...options,
    target: 'es2023',
    strict: true,
    noEmit: true,
    experimentalDecorators: true,
    exactOptionalPropertyTypes: true,
    skipLibCheck: true,
    types: ['node'],
    typeRoots: [join(ROOT, 'node_modules/@types')],
  }
  const config = project.write(`${file}.json`, JSON.stringify({ compilerOptions, files: [file] }))
  const tsc = join(ROOT, 'node_modules/typescript/bin/tsc')
  expect(await project.command(process.execPath, tsc, '-p', config)).toBe('')
})
