import 'reflect-metadata'
import { setTimeout as delay } from 'node:timers/promises'
import {
  Column,
  DataSource,
  Entity,
  JoinColumn,
  ManyToOne,
  OneToMany,
  OneToOne,
  PrimaryColumn,
  PrimaryGeneratedColumn,
} from 'typeorm'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { AuditLoggerOptions } from '../../../config/settings'
import { runWithContext } from '../../../src/context/context'
import type { Actor } from '../../../src/event/event'
import { EventRecorder } from '../../../src/event-recorder'
import { MemoryQueue, settingsWith, spyLogger } from '../fakes'

@Entity()
class Organisation {
  @PrimaryGeneratedColumn() id!: number
  @Column() title!: string
  @OneToMany(
    () => User,
    (user) => user.organisation,
  )
  users!: User[]
}

@Entity()
class Region {
  @PrimaryColumn() country!: string
  @PrimaryColumn() code!: string
  toString() {
    return `Region ${this.code}`
  }
}

@Entity()
class Profile {
  @PrimaryGeneratedColumn() id!: number
  @ManyToOne(() => Organisation) organisation!: Organisation | null
  @ManyToOne(() => Region) region!: Region | null
}

@Entity()
class User {
  @PrimaryGeneratedColumn() id!: number
  @Column({ select: false }) password!: string
  @Column({ type: 'varchar', nullable: true }) company!: string | null
  @ManyToOne(
    () => Organisation,
    (organisation) => organisation.users,
  )
  organisation!: Organisation | null
  @OneToOne(() => Profile) @JoinColumn() profile!: Profile | null
  @ManyToOne(() => Organisation, { lazy: true }) lazy!: Promise<Organisation | null>
}

const queries: string[] = []
const ACME = { organisation: 'ACME', organisation_id: '1' }
let dataSource: DataSource

beforeAll(async () => {
  dataSource = await new DataSource({
    type: 'sqljs',
    entities: [Organisation, Region, Profile, User],
    synchronize: true,
    logging: true,
    logger: {
      logQuery: (sql: string) => void queries.push(sql),
      logQueryError() {},
      logQuerySlow() {},
      logSchemaBuild() {},
      logMigration() {},
      log() {},
    },
  }).initialize()
  const { manager } = dataSource
  const organisation = await manager.save(Organisation, { title: 'ACME' })
  const region = await manager.save(Region, { country: 'CH', code: 'ZH' })
  const profile = await manager.save(Profile, { organisation, region })
  const full = { password: 'hunter2', company: 'Acme Ltd', organisation, profile }
  await manager.save(User, full)
  await manager.query('UPDATE user SET lazyId = 1')
  await manager.save(User, { password: 'x' })
})

afterAll(() => dataSource.destroy())
beforeEach(() => void queries.splice(0))

function recording(userOrganisationField: string[], options: AuditLoggerOptions = {}, loadingMs?: number) {
  const logger = spyLogger()
  const queue = new MemoryQueue()
  const settings = settingsWith({ logger, userOrganisationField, ...options })
  const recorder = new EventRecorder({ settings, queue, dataSources: () => [dataSource], loadingMs })
  const log = (user?: unknown) => recorder.deliver([recorder.capture({ action: 'TEST', user })])
  const who = async (user: unknown): Promise<Actor | undefined> => {
    log(user)
    await recorder.settle()
    return queue.events.at(-1)?.user
  }
  return { logger, queue, recorder, log, who }
}

const load = (id: number, relations: object = {}) =>
  dataSource.manager.findOneOrFail(User, { where: { id }, relations })

describe('the organisation of a user', () => {
  it('is read from what is loaded, at once and without a query', async () => {
    const user = await load(1, { organisation: true, profile: { organisation: true } })
    queries.length = 0
    for (const path of [['organisation'], ['profile', 'organisation']]) {
      const { log, queue } = recording(path)
      log(user)
      expect(queue.events[0]?.user).toEqual({ pk: '1', type: 'user', ...ACME })
    }
    expect(queries).toEqual([])
  })

  it.each([[['organisation']], [['profile', 'organisation']]])(
    'is loaded along %j with one query that reads no password',
    async (path) => {
      const user = await load(1)
      queries.length = 0
      expect(await recording(path).who(user)).toMatchObject(ACME)
      expect(queries).toHaveLength(1)
      expect(queries[0]).not.toContain('password')
    },
  )

  it('is loaded from where the loaded part of the path ends', async () => {
    const user = await load(1, { profile: true })
    queries.length = 0
    expect(await recording(['profile', 'organisation']).who(user)).toMatchObject(ACME)
    expect(queries).toHaveLength(1)
    expect(queries[0]).toContain('FROM "profile"')
  })

  it('is shown by its own toString and the canonical form of a composite key', async () => {
    expect(await recording(['profile', 'region']).who(await load(1))).toMatchObject({
      organisation: 'Region ZH',
      organisation_id: '{"code":"ZH","country":"CH"}',
    })
  })

  it('is a text when the path ends at one', async () => {
    expect(await recording(['company']).who(await load(1))).toEqual({ pk: '1', type: 'user', organisation: 'Acme Ltd' })
  })

  it('is loaded once in a context, for all of its events, nested ones too', async () => {
    const user = await load(1)
    const { log, queue, recorder } = recording(['profile', 'organisation'])
    queries.length = 0
    await runWithContext({ user }, async () => {
      log()
      log()
      await runWithContext({ entryPoint: 'job' }, async () => log())
      await recorder.settle()
      log()
      await recorder.settle()
    })
    expect(queue.events.map((event) => event.user?.organisation)).toEqual(['ACME', 'ACME', 'ACME', 'ACME'])
    expect(queries).toHaveLength(1)
  })

  it('is loaded again in another context, and once for a user outside of any', async () => {
    const user = await load(1)
    const { who } = recording(['organisation'])
    queries.length = 0
    await runWithContext({}, () => who(user))
    await runWithContext({}, () => who(user))
    expect(queries).toHaveLength(2)
    await who(user)
    await who(user)
    expect(queries).toHaveLength(3)
  })

  it('starts no query before the event is delivered', async () => {
    const user = await load(1)
    const { recorder, queue } = recording(['organisation'])
    queries.length = 0
    const captured = recorder.capture({ action: 'TEST', user })
    await delay(5)
    expect(queries).toEqual([])
    recorder.deliver([captured], 'tx-1')
    await recorder.flush()
    expect(queue.events[0]).toMatchObject({ user: ACME, transaction: { id: 'tx-1', n: 1 } })
  })

  it('of a lazy relation is loaded without touching its getter, and awaited when it is loading', async () => {
    const user = await load(1)
    const { who } = recording(['lazy'])
    queries.length = 0
    expect(await who(user)).toMatchObject(ACME)
    expect(queries).toHaveLength(1)
    expect(Object.keys(user)).not.toContain('__promise_lazy__')
    const other = await load(1)
    const loading = other.lazy
    queries.length = 0
    expect(await who(other)).toMatchObject(ACME)
    await loading
    expect(queries.length).toBeLessThanOrEqual(1)
  })

  it('is awaited when a plain user holds a promise or a getter', async () => {
    const { who } = recording(['profile', 'organisation'])
    expect(await who({ id: 1, profile: Promise.resolve({ organisation: { id: 5, name: 'Later' } }) })).toMatchObject({
      organisation: 'Later',
      organisation_id: '5',
    })
    const withGetter = {
      id: 1,
      get profile() {
        return Promise.resolve({ organisation: 'Text' })
      },
    }
    expect(await who(withGetter)).toMatchObject({ organisation: 'Text' })
  })

  it.each<[string, unknown]>([
    ['null on the way', { id: 1, profile: null }],
    ['null at the end', { id: 1, profile: { organisation: null } }],
    ['a user that is only a key', 'u-1'],
    ['nobody', null],
  ])('is absent without a word: %s', async (_, user) => {
    const { who, logger } = recording(['profile', 'organisation'])
    expect((await who(user)) ?? {}).not.toHaveProperty('organisation')
    expect(logger.warn).not.toHaveBeenCalled()
  })

  it('is absent without a word when the row has none', async () => {
    const { who, logger } = recording(['profile', 'organisation'])
    expect(await who(await load(2))).toEqual({ pk: '2', type: 'user' })
    expect(logger.warn).not.toHaveBeenCalled()
  })

  it.each<[string, string[], () => Promise<unknown>]>([
    ['a property that no entity has', ['organization'], () => load(1)],
    ['a property missing further on', ['profile', 'company'], () => load(1)],
    ['a plain object without it', ['organisation'], async () => ({ id: 1 })],
    ['a text on the way', ['company', 'name'], () => load(1)],
    ['a list on the way', ['organisation', 'users', 'company'], () => load(1)],
    ['a list at the end', ['groups'], async () => ({ id: 1, groups: ['a'] })],
  ])('is absent and reported once: %s', async (_, path, user) => {
    const { who, logger } = recording(path)
    expect(await who(await user())).toEqual({ pk: '1', type: 'user' })
    await who(await user())
    expect(logger.warn).toHaveBeenCalledTimes(1)
    expect(logger.warn.mock.calls[0]).toEqual([
      expect.objectContaining({ code: 'AUDIT_ORGANISATION_PATH_BROKEN' }),
      expect.stringContaining(JSON.stringify(path)),
    ])
  })

  it('given in the context wins over the path and over the resolver', async () => {
    const { who, queue, log } = recording(['organisation'], { actorResolver: () => ({ organisation: 'resolved' }) })
    const user = await load(1)
    queries.length = 0
    expect(await who(user)).toMatchObject({ organisation: 'resolved' })
    runWithContext({ organisation: { id: 9, name: 'Given' }, user }, () => log())
    expect(queue.events.at(-1)?.user).toEqual({ pk: '1', type: 'user', organisation: 'Given', organisation_id: '9' })
    runWithContext({ organisation: 'a text', entryPoint: 'http' }, () => log())
    expect(queue.events.at(-1)?.user).toEqual({ type: 'anonymous', organisation: 'a text' })
    await runWithContext({ organisation: Promise.resolve({ id: 2, slug: 'late' }) }, () => who(user))
    expect(queue.events.at(-1)?.user).toMatchObject({ organisation: 'late', organisation_id: '2' })
    expect(queries).toEqual([])
  })

  it('that takes too long is reported once and does not hold its events back', async () => {
    const { who, logger } = recording(['organisation'], {}, 20)
    const never = { id: 1, organisation: new Promise(() => undefined) }
    expect(await who(never)).toEqual({ pk: '1', type: 'user' })
    expect(await who({ ...never })).toEqual({ pk: '1', type: 'user' })
    expect(logger.warn).toHaveBeenCalledTimes(1)
    expect(logger.warn.mock.calls[0]?.[0]).toMatchObject({ code: 'AUDIT_ORGANISATION_UNAVAILABLE' })
  })

  it('whose loading fails is reported once, and not asked for again in the context', async () => {
    const { log, recorder, logger, queue } = recording(['organisation'])
    let asked = 0
    const organisation = () => {
      asked += 1
      return Promise.reject(new Error('connection to postgres://u:pw@db lost'))
    }
    const user = {
      id: 1,
      get organisation() {
        return organisation()
      },
    }
    await runWithContext({ user }, async () => {
      log()
      log()
      await recorder.settle()
      log()
      await recorder.settle()
    })
    expect(queue.events.map((event) => event.user)).toEqual(Array(3).fill({ pk: '1', type: 'user' }))
    expect(asked).toBe(1)
    expect(logger.warn).toHaveBeenCalledTimes(1)
    expect(JSON.stringify(logger.warn.mock.calls)).not.toContain('pw@')
  })

  it('does not loop when loading it makes another event', async () => {
    const { log, recorder, queue } = recording(['organisation'])
    const user = await load(1)
    const build = dataSource.manager.createQueryBuilder
    let nested = 0
    dataSource.manager.createQueryBuilder = function (this: unknown, ...given: Parameters<typeof build>) {
      nested += 1
      log(Object.assign(new User(), { id: 2 }))
      return Reflect.apply(build, dataSource.manager, given)
    } as typeof build
    try {
      log(user)
      await recorder.settle()
    } finally {
      dataSource.manager.createQueryBuilder = build
    }
    expect(nested).toBe(1)
    expect(queue.events.map((event) => event.user)).toEqual([
      { pk: '2', type: 'user' },
      { pk: '1', type: 'user', ...ACME },
    ])
  })

  it('keeps the order of the events of a context', async () => {
    const { log, recorder, queue } = recording(['organisation'])
    const user = await load(1)
    await runWithContext({ user }, async () => {
      for (let turn = 0; turn < 20; turn += 1) {
        log()
        await Promise.resolve()
      }
      await recorder.settle()
    })
    const ids = queue.events.map((event) => event.id)
    expect(ids).toHaveLength(20)
    expect(ids).toEqual([...ids].sort())
  })
})
