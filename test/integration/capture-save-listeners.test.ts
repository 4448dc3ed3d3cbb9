import 'reflect-metadata'
import {
  AfterInsert,
  AfterLoad,
  AfterRecover,
  AfterSoftRemove,
  AfterUpdate,
  BeforeInsert,
  BeforeUpdate,
  Column,
  DeleteDateColumn,
  Entity,
  PrimaryGeneratedColumn,
} from 'typeorm'
import { describe, expect, it } from 'vitest'
import { AuditUpdateDelete } from '../../src/capture/decorator'
import { auditedSources } from '../support/audited-source'

@Entity()
@AuditUpdateDelete
class Picture {
  @PrimaryGeneratedColumn() id!: number
  @Column({ type: 'varchar', length: 100 }) path!: string
  @AfterLoad() absolute() {
    this.path = `https://cdn/${this.path}`
  }
}
/** Encrypted at rest by listeners, as was usual before transformers. */
@Entity()
@AuditUpdateDelete
class Patient {
  @PrimaryGeneratedColumn('uuid') id!: string
  @Column({ type: 'varchar', length: 100 }) diagnosis!: string
  @BeforeInsert() @BeforeUpdate() encrypt() {
    this.diagnosis = `enc:${Buffer.from(this.diagnosis).toString('base64')}`
  }
  @AfterInsert() @AfterUpdate() @AfterLoad() decrypt() {
    if (this.diagnosis?.startsWith('enc:')) this.diagnosis = Buffer.from(this.diagnosis.slice(4), 'base64').toString()
  }
}
@Entity()
@AuditUpdateDelete
class Page {
  @PrimaryGeneratedColumn() id!: number
  @Column({ type: 'varchar', length: 100 }) title!: string
  @DeleteDateColumn() gone!: Date | null
  @AfterSoftRemove() @AfterRecover() forget() {
    this.gone = new Date(0)
  }
}
/** Whose column is not there yet. */
@Entity()
@AuditUpdateDelete
class Door {
  @PrimaryGeneratedColumn() id!: number
  @Column({ type: 'varchar', length: 20 }) name!: string
  @Column({ type: 'varchar', length: 20, nullable: true, insert: false, select: false }) code!: string | null
}
const DRIVERS = ['mariadb', 'mysql', 'sqljs', 'better-sqlite3'] as const
const open = auditedSources<(typeof DRIVERS)[number]>([Picture, Patient, Page, Door])

describe.each(DRIVERS)('listeners that change values, %s', (driver) => {
  it('save(): from is what the row had, not what @AfterLoad made of it', async () => {
    const { manager, trail } = await open(driver)
    await manager.insert(Picture, { path: 'a.png' })
    trail.take()
    const [picture] = (await manager.find(Picture)) as [Picture]
    picture.path = 'b.png'
    await manager.save(picture)
    expect(trail.one().changes).toEqual({ path: { from: 'a.png', to: 'b.png' } })
  })

  it.each(['save', 'insert'] as const)(
    '%s(): what only the database has encrypted is not told in the clear',
    async (verb) => {
      const { manager, trail } = await open(driver)
      const given = manager.create(Patient, { diagnosis: 'flu' })
      await (verb === 'save' ? manager.save(given) : manager.insert(Patient, given))
      const created = trail.one()
      const [patient] = (await manager.find(Patient)) as [Patient]
      patient.diagnosis = 'measles'
      await manager.save(patient)
      const [row] = (await manager.query('SELECT diagnosis FROM patient')) as { diagnosis: string }[]
      expect(created).toMatchObject({ instance: { pk: patient.id }, changes: { diagnosis: { to: 'enc:Zmx1' } } })
      expect(trail.one().changes).toEqual({ diagnosis: { from: 'enc:Zmx1', to: row?.diagnosis } })
    },
  )

  it.each([
    ['the entity', Page],
    ['all', Object],
  ])('save(): the same of a subscriber that listens to the loading of %s', async (_, listened) => {
    const { dataSource, manager, trail } = await open(driver)
    await manager.insert(Page, { title: 'a' })
    trail.take()
    const afterLoad = (page: Page) => {
      page.title = page.title.toUpperCase()
    }
    dataSource.subscribers.push({ listenTo: () => listened, afterLoad } as never)
    await manager.save(manager.create(Page, { id: 1, title: 'b' }))
    expect(trail.one().changes).toEqual({ title: { from: 'a', to: 'b' } })
  })

  it('save() with listeners: false of what cannot be read again writes it once', async () => {
    const { manager, trail } = await open(driver)
    await manager.query('ALTER TABLE door DROP COLUMN code')
    await manager.save(manager.create(Door, { name: 'a' }), { listeners: false })
    expect(await manager.count(Door)).toBe(1)
    expect(trail.one().coverage).toBe('partial')
  })

  it('softRemove() and recover() tell of the date in the row, once', async () => {
    const { manager, trail } = await open(driver)
    const page = await manager.save(manager.create(Page, { title: 'a' }))
    trail.take()
    await manager.softRemove(page)
    const { gone } = await manager.findOneOrFail(Page, { where: { id: 1 }, withDeleted: true })
    const removed = trail.one()
    expect([removed.action, removed.changes]).toEqual(['OBJ_DELETE', { gone: { from: null, to: gone?.toISOString() } }])
    await manager.recover(page)
    const recovered = trail.one()
    expect(recovered.changes).toEqual({ gone: { from: gone?.toISOString(), to: null } })
  })
})
