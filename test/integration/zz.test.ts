import 'reflect-metadata'
import { Column, Entity, PrimaryColumn } from 'typeorm'
import { it } from 'vitest'
import { AuditUpdateDelete } from '../../src/capture/decorator'
import { auditedSources } from '../support/audited-source'
@Entity()
@AuditUpdateDelete
class Person {
  @PrimaryColumn({ type: 'varchar', length: 40 }) id!: string
  @Column({ type: 'varchar', length: 40, unique: true, nullable: true }) email!: string | null
  @Column({ type: 'int' }) n!: number
}
const open = auditedSources<any>([Person])
it('x', async () => {
  const { dataSource, manager, trail } = await open('mysql')
  await manager.insert(Person, [{ id: 'a', email: 'x@y', n: 1 },{ id: 'c', email: 'c@y', n: 1 }])
  trail.take()
  dataSource.subscribers.push({ beforeQuery: (e: any) => console.log(e.query, e.parameters), afterQuery: (e: any) => console.log(JSON.stringify(e.rawResults?.map?.((r: any) => ({...r, __audit_seen: String(r.__audit_seen)})))) } as never)
  await manager.upsert(Person, [{ id: 'b', email: 'x@y', n: 2 }, { id: 'a', email: 'new@y', n: 3 },{ id: 'c', email: 'c@y', n: 1 },{ id: 'a', email: 'new@y', n: 4 },{ id: 'd', email: 'd@y', n: 5 }], ['email'])
  console.log(JSON.stringify(trail.take()))
})
