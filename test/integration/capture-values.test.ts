import 'reflect-metadata'
import { Column, Entity, ManyToOne, OneToMany, PrimaryColumn, PrimaryGeneratedColumn } from 'typeorm'
import { describe, expect, it } from 'vitest'
import { AuditUpdateDelete } from '../../src/capture/decorator'
import { auditedSources } from '../support/audited-source'

@Entity()
@AuditUpdateDelete
class Bill {
  @PrimaryGeneratedColumn() id!: number
  @OneToMany(
    () => Line,
    (line) => line.bill,
    { cascade: true },
  )
  lines!: Line[]
}
@Entity()
@AuditUpdateDelete
class Line {
  @PrimaryGeneratedColumn() id!: number
  @Column({ type: 'varchar', length: 20 }) text!: string
  @ManyToOne(
    () => Bill,
    (bill) => bill.lines,
    { nullable: true },
  )
  bill!: Bill | null
}
const secret = {
  to: (value: string) => value,
  from: (value: string | null): never => {
    throw new Error(`cannot decrypt ${value}`)
  },
}
@Entity()
@AuditUpdateDelete
class Member {
  @PrimaryColumn({ type: 'integer' }) id!: number
  @Column({ type: 'varchar', length: 60, select: false, transformer: secret }) recovery!: string
}
@Entity()
@AuditUpdateDelete
class Box {
  @PrimaryColumn({ type: 'integer' }) id!: number
  @Column({
    type: 'varchar',
    length: 60,
    nullable: true,
    transformer: {
      to: (given: string[]) => (given.length === 0 ? null : given.join()),
      from: (read: string | null) => read?.split(',') ?? [],
    },
  })
  tags!: string[]
}

const open = auditedSources<'postgres' | 'mariadb' | 'mysql' | 'sqljs' | 'better-sqlite3'>([Bill, Line, Member, Box])

describe.each(['postgres', 'mariadb', 'mysql', 'sqljs', 'better-sqlite3'] as const)('%s', (driver) => {
  it('a child that is changed while another leaves its parent: both events are whole', async () => {
    const { manager, trail } = await open(driver)
    const { id } = await manager.save(manager.create(Bill, { lines: [{ text: 'one' }, { text: 'two' }] }))
    trail.take()
    const bill = await manager.findOneOrFail(Bill, { where: { id }, relations: { lines: true } })
    const [line] = bill.lines.sort((a, b) => a.id - b.id)
    bill.lines.pop()
    Object.assign(line as Line, { text: 'changed' })
    await manager.save(bill)
    const told = trail.take().map(({ instance, changes, coverage }) => [instance?.pk, changes, coverage])
    expect(told.toSorted()).toEqual([
      ['1', { text: { from: 'one', to: 'changed' } }, undefined],
      ['2', { bill: { from: String(id), to: null } }, undefined],
    ])
  })

  it('what a transformer says of a value is for the log, not for the event', async () => {
    const { manager, trail } = await open(driver)
    await manager.query(`INSERT INTO member (id, recovery) VALUES (1, 'top-secret-4711')`)
    await manager.delete(Member, 1)
    const event = trail.one()
    expect(event.coverage_reason).toBe('the change could not be read: see the application log')
    expect(JSON.stringify(event)).not.toContain('4711')
  })

  it('null is shown as the entity has it, after its transformer', async () => {
    const { manager, trail } = await open(driver)
    await manager.insert(Box, { id: 1, tags: [] })
    await manager.update(Box, 1, { tags: ['a'] })
    expect(trail.take().map(({ changes }) => changes?.tags)).toEqual([{ to: [] }, { from: [], to: ['a'] }])
  })
})
