import { Column, Entity, PrimaryGeneratedColumn } from 'typeorm'
import { AuditUpdateDelete } from 'typeorm-audit-logger'

@Entity()
@AuditUpdateDelete
export class Organisation {
  @PrimaryGeneratedColumn()
  id!: number

  @Column({ type: 'text' })
  name!: string

  /** The name by which events show it. */
  toString(): string {
    return this.name
  }
}
