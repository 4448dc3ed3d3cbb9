import 'reflect-metadata'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { Column, DataSource, Entity, PrimaryGeneratedColumn } from 'typeorm'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { type AuditLoggerOptions, loadSettings } from '../../config/settings'
import { AuditLogger } from '../../src/audit-logger'
import { AuditUpdateDelete } from '../../src/capture/decorator'
import { runWithContext } from '../../src/context/context'
import { describeRequest } from '../../src/context/request'
import type { AuditEvent } from '../../src/event/event'
import { keyedHash } from '../../src/event/keyed-hash'
import { readEvents } from '../../src/reader'
import { type KeptLogger, keptLogger } from '../support/kept-logger'
import { monitorRedis, type RedisMonitor } from '../support/redis-monitor'
import { removeDirectory, temporaryDirectory } from '../support/temp-directory'
import { waitFor } from '../support/wait-for'
import { setUpWorker, type WorkerSetup } from '../support/worker-setup'

/** In every secret of these tests, with what has to be written differently in addresses and in JSON. */
const CANARY = 'cnry'
const secret = (place: string) => `${CANARY}-${place}-"4711" & ü`
const IBAN = secret('iban')
const HASH = secret('hash')
const PIN = secret('pin')
const CARD = '4111 1111 1111 1111'
const MASK_KEY = `${CANARY}-mask-key-of-enough-length`

@Entity()
@AuditUpdateDelete({
  mask: { iban: 'hash', 'card.number': 'partial:2', memo: 'remove', tokenCount: 'allow' },
  label: (account: Account) => `account of ${account.iban}, ${account.passwordHash}, ${account.card?.number}`,
})
class Account {
  @PrimaryGeneratedColumn() id!: number
  @Column('text') name!: string
  @Column('text') iban!: string
  @Column('text') passwordHash!: string
  @Column('text', { select: false, nullable: true }) recovery!: string | null
  @Column('simple-json') card!: { number: string; holder: string }
  @Column('text') memo!: string
  @Column('text') note!: string
  @Column('integer') tokenCount!: number

  toString() {
    return `${this.iban} ${this.memo}`
  }
}

const MASK: AuditLoggerOptions['mask'] = [
  'request.body.account.number',
  'content.*.ref',
  { key: /^x-hidden/, mode: 'remove' },
  'nickname=hash',
  'user.ip=hash',
]

let setup: WorkerSetup
let logger: KeptLogger
let directory: string
let monitor: RedisMonitor
let dataSource: DataSource
let audit: AuditLogger

beforeEach(async () => {
  setup = await setUpWorker()
  logger = keptLogger()
  directory = temporaryDirectory('masking')
  // Everything that anybody ever tells Redis, whatever becomes of it later.
  monitor = await monitorRedis(setup.server.port)
  audit = new AuditLogger({
    redis: setup.server.url,
    logger,
    stack: true,
    mask: MASK,
    maskKey: MASK_KEY,
    lifecycleEvents: true,
    spillDirectory: directory,
    bufferEvents: 20,
  })
  dataSource = await new DataSource({ type: 'sqljs', entities: [Account], synchronize: true }).initialize()
  audit.attach(dataSource)
})

afterEach(async () => {
  await dataSource.destroy()
  await audit.close()
  monitor.close()
  await setup.close()
  removeDirectory(directory)
})

const account = (n: number) =>
  Object.assign(new Account(), {
    name: `account ${n}`,
    iban: IBAN,
    passwordHash: HASH,
    recovery: secret('recovery'),
    card: { number: secret('card'), holder: 'Ann' },
    memo: secret('memo'),
    note: `IBAN ${IBAN}, hash ${encodeURIComponent(HASH)}, card ${CARD}`,
    tokenCount: n,
  })

/** A context that has a secret in every field. */
function context() {
  const query = new URLSearchParams({ token: secret('query'), iban: IBAN, page: '1' })
  return {
    user: { id: 7, username: `ann ${HASH}`, organisation: { name: `ACME ${IBAN}`, id: 3 } },
    organisation: { id: 3, toString: () => `ACME ${IBAN} ${CARD}` },
    extra: {
      sessionToken: secret('extra'),
      [IBAN]: 'a secret as a name',
      nickname: secret('nickname'),
      iban: IBAN,
      passwordHash: HASH,
    },
    request: handedOver({
      id: 'r-1',
      ip: `10.0.0.9 ${CANARY}`,
      method: 'POST',
      url: `https://ann:${encodeURIComponent(PIN)}@shop.example/pay?${query}&next=${encodeURIComponent(`/x?token=${secret('next')}`)}`,
      route: `/pay/${CARD.replaceAll(' ', '')}`,
      user_agent: `curl ${HASH}`,
      query: { token: secret('query'), page: '1', card: CARD },
      body: {
        account: { number: secret('number') },
        text: JSON.stringify({ password: secret('json'), iban: IBAN }),
        form: `password=${encodeURIComponent(secret('form'))}&x=1`,
        password: [secret('a'), { deep: new Map([['x', secret('map')]]) }],
        pin: PIN,
      },
      headers: {
        authorization: `Bearer ${secret('bearer')}`,
        Cookie: secret('cookie'),
        'x-hidden-a': secret('header'),
      },
    }),
  }
}

/** As an adapter does, with what its allow-lists let through. */
function handedOver({ ip, ...request }: { ip: string } & Record<string, unknown>) {
  return { [describeRequest]: () => ({ request, ip }) }
}

function explicitEvents(): void {
  class Secrets {
    password = secret('class')
    list = new Set([{ token: secret('set') }])
  }
  const circular: Record<string, unknown> = { secret: secret('circular') }
  circular.self = circular
  const all = {
    password: [HASH, IBAN],
    pin: PIN,
    secrets: new Secrets(),
    map: new Map<unknown, unknown>([
      ['apiKey', secret('map')],
      [{ token: secret('key') }, 1],
    ]),
    circular,
    a: { ref: secret('ref') },
    account: account(9),
    error: new Error(`password=${secret('error')}, ${IBAN}`),
    url: new URL(`https://x.example/?token=${encodeURIComponent(secret('url'))}`),
    [HASH]: IBAN,
    nested: [[[{ deep: { privateKey: secret('deep') } }]]],
    big: 'x'.repeat(1_500_000) + HASH,
    note: `${IBAN} and ${new URLSearchParams({ v: HASH })} and ${JSON.stringify(PIN)} and ${CARD}`,
    number: 4111111111111111,
  }
  const broken = {
    get reading(): never {
      throw new Error(`token=${secret('getter')}`)
    },
  }
  const reason = `because of ${IBAN} and ${CARD}`
  audit.sendLog('SECRETS', { ...all, broken, instance: account(1), user: { id: 1, username: IBAN }, reason })
  audit.sendLog('HOSTILE', Object.create(broken, Object.getOwnPropertyDescriptors({ ...all, broken })) as typeof all)
  audit.sendLog(5 as never, { reason: { password: secret('reason') } as never, iban: IBAN, password: IBAN })
  audit.logLogin({ id: 7, username: HASH }, { password: HASH, reason: HASH })
  audit.logLoginFailed({
    username: secret('typed'),
    password: secret('typed'),
    reason: `no such user ${secret('typed')}`,
  })
  audit.logLogout({ id: 7, username: HASH }, { sessionId: HASH })
  audit.viewed(account(2), { reason: IBAN, iban: IBAN, password: IBAN })
  audit.exported({ type: 'Account', filters: { iban: IBAN, password: IBAN, card: CARD } })
  audit.system({ level: 'error', title: `down: postgres://app:${encodeURIComponent(PIN)}@db/x`, password: PIN })
  audit.fields(account(3), ['iban', 'passwordHash', 'card', 'memo', 'note', 'tokenCount'])
}

async function writes(): Promise<void> {
  const accounts = dataSource.getRepository(Account)
  const one = await accounts.save(account(1))
  one.iban = `${IBAN} new`
  one.passwordHash = `${HASH} new`
  one.card = { number: `${secret('card')} new`, holder: 'Bob' }
  one.memo = `${secret('memo')} new`
  one.note = `now ${one.iban}`
  one.tokenCount = 5
  await accounts.save(one)
  await accounts.update({ id: one.id }, { iban: secret('criteria'), passwordHash: HASH, note: secret('criteria') })
  await dataSource.createQueryBuilder().insert().into(Account).values(account(2)).execute()
  await accounts.remove(one)
}

const said = () => monitor.commands.map((args) => args.join(' '))

/** Everything that was written anywhere, as it stands and with its escapes undone. */
async function everything(): Promise<string> {
  const kept: string[] = []
  for (const key of await setup.redis.keys('*')) {
    const dump = await setup.redis.dumpBuffer(key)
    kept.push(key, dump?.toString('latin1') ?? '')
    if ((await setup.redis.type(key)) === 'list') kept.push(...(await setup.redis.lrange(key, 0, -1)))
  }
  const files = readdirSync(directory, { recursive: true, encoding: 'utf8' }).map((name) => join(directory, name))
  const written = files.filter((file) => statSync(file).isFile()).map((file) => readFileSync(file, 'utf8'))
  const logs = [logger, setup.logger].map(({ entries }) => JSON.stringify(entries))
  return [...kept, ...written, ...said(), ...setup.stored(), ...logs, ...files].join('\n')
}

function expectNoSecretIn(text: string): void {
  for (const form of [text, unescaped(text)]) {
    const at = form.search(new RegExp(`${CANARY}|4111.?1111|4111%20`))
    expect(at === -1 ? '' : form.slice(Math.max(0, at - 200), at + 100)).toBe('')
  }
}

/** URL-encoded parts decoded, so that a secret whose every letter is encoded would be found too. */
function unescaped(text: string): string {
  return text
    .replaceAll(/(?:%[0-7][0-9a-f])+/gi, (codes) => decodeURIComponent(codes))
    .replaceAll(/\\u00([0-9a-f]{2})/gi, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)))
}

async function storedEvents(): Promise<AuditEvent[]> {
  const events: AuditEvent[] = []
  for await (const { event } of readEvents(setup.stored())) events.push(event as AuditEvent)
  return events
}

it('no secret of any field of any event reaches Redis, CloudWatch, files or logs', async () => {
  await runWithContext(context(), async () => {
    await writes()
    explicitEvents()
  })
  await audit.flush()
  // A dead letter with the content of a real event, next to the events themselves.
  const [line = ''] = await setup.redis.lrange(setup.keys.pending, -1, -1)
  await setup.redis.rpush(setup.keys.pending, line.slice(0, -1))
  expectNoSecretIn(await everything())
  await audit.close()
  expect(await setup.flusher().flush()).toMatchObject({ outcome: 'ok', dead: 1 })
  expect(await setup.redis.llen(setup.keys.dead)).toBe(1)
  expectNoSecretIn(await everything())

  const events = await storedEvents()
  const actions = events.map(({ action }) => action)
  expect(actions.filter((action) => action.startsWith('OBJ_')).length).toBeGreaterThanOrEqual(6)
  for (const action of ['SECRETS', 'HOSTILE', 'AUDIT_INVALID_CALL', 'USER_LOGIN', 'USER_LOGIN_FAILED', 'USER_LOGOUT']) {
    expect(actions).toContain(action)
  }
  expect(setup.stored().some((message) => message.includes('"part":{'))).toBe(true)
  // What is no secret is there, so the search above looked where it should.
  const plain = 'a secret as a name'
  for (const place of [said().join('\n'), setup.stored().join('\n')]) expect(place).toContain(plain)
  const letters = await setup.redis.lrange(setup.keys.dead, 0, -1)
  expect(letters.join('\n')).toContain(plain)
  expect(logger.entries.map(({ fields }) => fields.code)).toContain('AUDIT_VALUE_UNREADABLE')
})

it('what is masked is still of use: hashes can be compared, and the rest of an event is there', async () => {
  await runWithContext(context(), () => writes())
  await audit.flush()
  expect(await setup.flusher().flush()).toMatchObject({ outcome: 'ok' })
  const events = await storedEvents()
  const [created, updated] = events.filter(({ action }) => action.startsWith('OBJ_'))
  const hash = keyedHash(IBAN, MASK_KEY)
  expect(created?.changes).toMatchObject({
    iban: { to: hash },
    passwordHash: { to: '***' },
    recovery: { to: '***' },
    card: { to: { number: '*** ü', holder: 'Ann' } },
    tokenCount: { to: 1 },
    name: { to: 'account 1' },
  })
  expect(created?.changes).not.toHaveProperty('memo')
  expect(created?.instance).toMatchObject({ model: 'Account', pk: '1', name: 'account of ***, ***, ***' })
  expect(created?.instance?.fields).toContain('memo')
  expect(updated?.changes?.iban).toEqual({ from: hash, to: keyedHash(`${IBAN} new`, MASK_KEY) })
  expect(updated?.changes?.tokenCount).toEqual({ from: 1, to: 5 })
  expect(updated?.request).toMatchObject({ id: 'r-1', method: 'POST', query: { token: '***', page: '1', card: '***' } })
  expect(updated?.request?.headers).toEqual({ authorization: '***', Cookie: '***' })
  expect(updated?.user).toMatchObject({ pk: '7', organisation_id: '3', organisation: 'ACME *** ***' })
  expect(updated?.user?.ip).toMatch(/^hmac:[0-9a-f]{64}$/)
  expect(updated?.content?.nickname).toBe(keyedHash(secret('nickname'), MASK_KEY))
  expect(updated?.masked).toEqual(
    expect.arrayContaining([
      'changes.iban',
      'changes.memo',
      'request.body.account.number',
      'user.ip',
      'user.organisation',
    ]),
  )
})

it('nor does one reach the spill files, nor the files of the next process', async () => {
  await audit.flush()
  await setup.server.kill()
  runWithContext(context(), () => {
    for (let i = 0; i < 60; i += 1)
      audit.sendLog('SPILLED', { password: secret(`spill${i}`), note: secret(`spill${i}`), n: i })
  })
  await waitFor(() => filesIn(directory).some((file) => readFileSync(file, 'utf8').includes('SPILLED')), {
    what: 'spilled events',
  })
  const written = filesIn(directory)
    .map((file) => readFileSync(file, 'utf8'))
    .join('\n')
  expect(written).toContain('"note":"***"')
  expectNoSecretIn(written + JSON.stringify(logger.entries))
})

it('errors of the settings show neither the key nor what an address has in it', () => {
  const given = {
    mask: ['iban=hash', `https://u:${CANARY}@x/?token=${CANARY}`],
    maskKey: `${CANARY}-short`,
    redis: `ftp://u:${CANARY}@h`,
  }
  let message = ''
  try {
    loadSettings(given, {})
  } catch (error) {
    message = `${String(error)} ${JSON.stringify(error)}`
  }
  expect(message).toContain('maskKey')
  expectNoSecretIn(message)
})

it('an entity that asks for a hash without a key in the settings gets ***, and the application is told once', async () => {
  const own = keptLogger()
  const keyless = new AuditLogger({ redis: setup.server.url, logger: own, lifecycleEvents: false })
  const other = await new DataSource({ type: 'sqljs', entities: [Account], synchronize: true }).initialize()
  keyless.attach(other)
  await other.getRepository(Account).save(account(1))
  await other.getRepository(Account).save(account(2))
  await keyless.close()
  await other.destroy()
  const lines = await setup.redis.lrange(setup.keys.pending, 0, -1)
  const created = lines.map((line) => JSON.parse(line) as AuditEvent).find(({ action }) => action === 'OBJ_CREATE')
  expect(created?.changes?.iban).toEqual({ to: '***' })
  expect(own.entries.filter(({ fields }) => fields.code === 'AUDIT_MASK_KEY_MISSING')).toHaveLength(1)
  expectNoSecretIn(JSON.stringify(own.entries) + lines.join('\n'))
})

function filesIn(folder: string): string[] {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((name) => join(folder, name))
  return files.filter((file) => statSync(file).isFile())
}
