import { join } from 'node:path'
import Redis from 'ioredis'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { PackedProject } from '../support/packed-project'
import { startRedisServer } from '../support/redis-server'
import { ROOT } from '../support/spawn-process'

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

test('internals are not reachable: only the three entry points are', async () => {
  const printed = await project.run(
    'internals.cjs',
    `try { require('typeorm-audit-logger/dist/config/settings') } catch (error) { console.log(error.code) }`,
  )
  expect(printed).toBe('ERR_PACKAGE_PATH_NOT_EXPORTED')
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
import { startWorker } from 'typeorm-audit-logger/worker'

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
