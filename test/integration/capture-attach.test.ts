import 'reflect-metadata'
import {
  Column,
  DataSource,
  type DataSourceOptions,
  Entity,
  type EntitySubscriberInterface,
  EventSubscriber,
  getMetadataArgsStorage,
  PrimaryGeneratedColumn,
} from 'typeorm'
import { describe, expect, it, vi } from 'vitest'
import { AuditUpdateDelete } from '../../src/capture/decorator'
import { AuditSubscriber } from '../../src/capture/subscriber'
import { sqljs, Trail } from '../unit/capture/support'

const zeroCode = vi.hoisted(() => ({ logger: undefined as unknown }))
vi.mock('../../src/default-logger', () => ({ zeroCodeLogger: () => zeroCode.logger }))

@Entity()
@AuditUpdateDelete
class Note {
  @PrimaryGeneratedColumn()
  id!: number

  @Column()
  text!: string
}

const uninitialised = (options: object = {}) =>
  new DataSource({ type: 'sqljs', synchronize: true, entities: [Note], ...options } as DataSourceOptions)
const write = (dataSource: DataSource, text = 'a') => dataSource.manager.save(Object.assign(new Note(), { text }))

/** What AuditLogger does, with a trail that can be read. */
class FakeLogger {
  readonly trail = new Trail()
  readonly #attached = new Map<DataSource, () => void>()

  attach(dataSource: DataSource): this {
    if (!this.#attached.has(dataSource)) this.#attached.set(dataSource, this.trail.attach(dataSource))
    return this
  }

  detach(dataSource?: DataSource): void {
    for (const [one, undo] of this.#attached) {
      if (dataSource !== undefined && one !== dataSource) continue
      this.#attached.delete(one)
      undo()
    }
  }
}

describe('attaching', () => {
  it.each(['before', 'after'])('works %s initialize(), and through destroy() and initialize() again', async (when) => {
    const dataSource = uninitialised()
    const trail = new Trail()
    if (when === 'before') trail.attach(dataSource)
    await dataSource.initialize()
    if (when === 'after') trail.attach(dataSource)
    for (let round = 0; round < 3; round += 1) {
      await write(dataSource)
      expect(trail.take()).toHaveLength(1)
      await dataSource.destroy()
      await dataSource.initialize()
    }
    await dataSource.destroy()
  })

  it('twice records once, and gives the same undo', async () => {
    const dataSource = uninitialised()
    const trail = new Trail()
    const first = trail.attach(dataSource)
    await dataSource.initialize()
    expect(trail.attach(dataSource)).toBe(first)
    await write(dataSource)
    expect(trail.take()).toHaveLength(1)
    await dataSource.destroy()
  })

  it('is undone completely, before, after and between', async () => {
    class Mine implements EntitySubscriberInterface {
      afterInsert = () => undefined
    }
    EventSubscriber()(Mine)
    const dataSource = uninitialised({ subscribers: [Mine] })
    const registered = getMetadataArgsStorage().entitySubscribers.length
    const trail = new Trail()
    trail.attach(dataSource)()
    expect(dataSource.options.subscribers).toEqual([Mine])
    const detach = trail.attach(dataSource)
    await dataSource.initialize()
    expect(dataSource.subscribers).toHaveLength(2)
    detach()
    detach()
    expect(dataSource.subscribers.map((one) => one.constructor)).toEqual([Mine])
    expect(dataSource.options.subscribers).toEqual([Mine])
    expect(getMetadataArgsStorage().entitySubscribers).toHaveLength(registered)
    await write(dataSource)
    expect(trail.take()).toEqual([])
    trail.attach(dataSource)
    await write(dataSource)
    expect(trail.take()).toHaveLength(1)
    await dataSource.destroy()
  })

  it('leaves the list of subscribers that the application made as it is', async () => {
    const subscribers = {}
    const options = { subscribers }
    const dataSource = uninitialised(options)
    new Trail().attach(dataSource)
    expect(options).toEqual({ subscribers: {} })
    await dataSource.initialize()
    expect(dataSource.subscribers).toHaveLength(1)
    await dataSource.destroy()
  })

  it('keeps data sources apart, also when they share their options', async () => {
    const options = { type: 'sqljs', synchronize: true, entities: [Note] } as DataSourceOptions
    const [one, other] = [new DataSource(options), new DataSource(options)]
    const [trail, otherTrail] = [new Trail(), new Trail()]
    trail.attach(one)
    otherTrail.attach(other)
    await Promise.all([one.initialize(), other.initialize()])
    await write(one, 'one')
    await write(other, 'other')
    expect(trail.one().changes?.text).toEqual({ to: 'one' })
    expect(otherTrail.one().changes?.text).toEqual({ to: 'other' })
    await Promise.all([one.destroy(), other.destroy()])
  })

  it('refuses a second logger, which would record everything twice', async () => {
    const dataSource = await sqljs([Note])
    const [first, second] = [new Trail(), new Trail()]
    const detach = first.attach(dataSource)
    expect(() => second.attach(dataSource)).toThrowError(expect.objectContaining({ code: 'AUDIT_ATTACHED_TWICE' }))
    await write(dataSource)
    expect([first.take().length, second.take().length]).toEqual([1, 0])
    detach()
    second.attach(dataSource)
    await write(dataSource)
    expect([first.take().length, second.take().length]).toEqual([0, 1])
    await dataSource.destroy()
  })

  it('to frozen options works once they are initialised, and says so before', async () => {
    const options = Object.freeze({ type: 'sqljs', synchronize: true, entities: [Note] }) as DataSourceOptions
    const dataSource = new DataSource(options)
    const trail = new Trail()
    expect(() => trail.attach(dataSource)).toThrowError(expect.objectContaining({ code: 'AUDIT_ATTACH_FAILED' }))
    await dataSource.initialize()
    const detach = trail.attach(dataSource)
    await write(dataSource)
    expect(trail.take()).toHaveLength(1)
    detach()
    await write(dataSource)
    expect(trail.take()).toEqual([])
    await dataSource.destroy()
  })

  it('does nothing when capture is switched off', async () => {
    const dataSource = await sqljs([Note])
    const trail = new Trail({ enabled: false })
    trail.attach(dataSource)
    expect(dataSource.subscribers).toEqual([])
    await write(dataSource)
    expect(trail.take()).toEqual([])
    await dataSource.destroy()
  })
})

describe('AuditSubscriber', () => {
  it('records with the zero-code logger, from the first write on, each write once', async () => {
    const logger = new FakeLogger()
    zeroCode.logger = logger
    const dataSource = uninitialised({ subscribers: [AuditSubscriber], synchronize: false })
    await dataSource.initialize()
    await dataSource.query('CREATE TABLE note (id integer PRIMARY KEY AUTOINCREMENT, text varchar NOT NULL)')
    await write(dataSource, 'a')
    await write(dataSource, 'b')
    expect(logger.trail.take().map(({ changes }) => changes?.text)).toEqual([{ to: 'a' }, { to: 'b' }])
    await dataSource.destroy()
    await dataSource.initialize()
    await dataSource.synchronize(true)
    await write(dataSource, 'c')
    expect(logger.trail.take()).toHaveLength(1)
    await dataSource.destroy()
  })

  it('sees a raw transaction that begins with the first statement of all', async () => {
    const logger = new FakeLogger()
    zeroCode.logger = logger
    const dataSource = await uninitialised({ subscribers: [AuditSubscriber] }).initialize()
    logger.detach()
    const queryRunner = dataSource.createQueryRunner()
    await queryRunner.query('BEGIN')
    await queryRunner.manager.insert(Note, { text: 'a' })
    await queryRunner.query('ROLLBACK')
    await queryRunner.manager.insert(Note, { text: 'b' })
    expect(logger.trail.one().changes?.text).toEqual({ to: 'b' })
    await dataSource.destroy()
  })

  it('goes on with a new zero-code logger after the application closed the one before', async () => {
    const [first, second] = [new FakeLogger(), new FakeLogger()]
    zeroCode.logger = first
    const dataSource = await uninitialised({ subscribers: [AuditSubscriber] }).initialize()
    await write(dataSource)
    first.detach()
    zeroCode.logger = second
    await write(dataSource)
    expect([first.trail.take().length, second.trail.take().length]).toEqual([1, 1])
    await dataSource.destroy()
  })

  it('does nothing when the environment is not usable', async () => {
    zeroCode.logger = undefined
    const dataSource = await uninitialised({ subscribers: [AuditSubscriber] }).initialize()
    await expect(write(dataSource)).resolves.toMatchObject({ id: 1 })
    await dataSource.destroy()
  })

  it.each(['before', 'after'])('gives way to a logger that is attached %s initialize()', async (when) => {
    const zero = new FakeLogger()
    zeroCode.logger = zero
    const dataSource = uninitialised({ subscribers: [AuditSubscriber] })
    const explicit = new FakeLogger()
    if (when === 'before') explicit.attach(dataSource)
    await dataSource.initialize()
    if (when === 'after') {
      await write(dataSource)
      expect(zero.trail.take()).toHaveLength(1)
      explicit.attach(dataSource)
    }
    await write(dataSource)
    expect([zero.trail.take().length, explicit.trail.take().length]).toEqual([0, 1])
    await dataSource.destroy()
    await dataSource.initialize()
    await write(dataSource)
    expect([zero.trail.take().length, explicit.trail.take().length]).toEqual([0, 1])
    await dataSource.destroy()
  })

  it('does not take over what was detached: that was meant', async () => {
    const zero = new FakeLogger()
    zeroCode.logger = zero
    const dataSource = await uninitialised({ subscribers: [AuditSubscriber] }).initialize()
    const explicit = new FakeLogger().attach(dataSource)
    explicit.detach()
    await write(dataSource)
    expect([zero.trail.take().length, explicit.trail.take().length]).toEqual([0, 0])
    await dataSource.destroy()
  })
})
