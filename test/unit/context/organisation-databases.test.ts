import 'reflect-metadata'
import { Column, DataSource, type DataSourceOptions, Entity, ManyToOne, PrimaryColumn } from 'typeorm'
import { afterEach, expect, it } from 'vitest'
import { EventRecorder } from '../../../src/event-recorder'
import { MemoryQueue, settingsWith, spyLogger } from '../fakes'

@Entity()
class Tenant {
  @PrimaryColumn('integer') id!: number
  @Column('text') name!: string
}
@Entity()
class Person {
  @PrimaryColumn('integer') id!: number
  @ManyToOne(() => Tenant) tenant!: Tenant
}

const opened: DataSource[] = []
afterEach(async () => {
  for (const one of opened.splice(0)) await one.destroy()
})

async function open(name: string): Promise<DataSource> {
  const options: DataSourceOptions = { type: 'sqljs', entities: [Tenant, Person], synchronize: true }
  const dataSource = await new DataSource(options).initialize()
  opened.push(dataSource)
  await dataSource.manager.save(Tenant, { id: 1, name })
  await dataSource.manager.save(Person, { id: 1, tenant: { id: 1 } })
  return dataSource
}

async function organisationOf(person: Person, dataSources: DataSource[]) {
  const [logger, queue] = [spyLogger(), new MemoryQueue()]
  const settings = settingsWith({ logger, userOrganisationField: 'tenant' })
  const recorder = new EventRecorder({ settings, queue, dataSources: () => dataSources })
  recorder.deliver([recorder.capture({ action: 'TEST', user: person })])
  await recorder.settle()
  return { organisation: queue.events[0]?.user?.organisation, codes: logger.warn.mock.calls.map(([{ code }]) => code) }
}

it('is not guessed where several databases have the class of the user', async () => {
  const [alpha, beta] = [await open('Alpha'), await open('Beta')]
  const person = await beta.manager.findOneByOrFail(Person, { id: 1 })
  expect(await organisationOf(person, [alpha, beta])).toEqual({
    organisation: undefined,
    codes: ['AUDIT_ORGANISATION_UNAVAILABLE'],
  })
  const loaded = await beta.manager.findOneOrFail(Person, { where: { id: 1 }, relations: { tenant: true } })
  expect(await organisationOf(loaded, [alpha, beta])).toEqual({ organisation: 'Beta', codes: [] })
})

it('is asked for where several data sources lead to one database', async () => {
  const [first, second] = [await open('Alpha'), await open('Beta')]
  for (const one of [first, second]) one.setOptions({ type: 'postgres', host: 'db', database: 'app' } as never)
  const person = await first.manager.findOneByOrFail(Person, { id: 1 })
  expect(await organisationOf(person, [first, second])).toEqual({ organisation: 'Alpha', codes: [] })
})
