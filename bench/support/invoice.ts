import { Column, Entity, PrimaryGeneratedColumn } from 'typeorm'
import { AuditUpdateDelete } from '../../src/capture/decorator'

/** The audited entity of save.ts, of a usual size. A data source without capture takes no notice of the decorator. */
@Entity()
@AuditUpdateDelete
export class Invoice {
  @PrimaryGeneratedColumn()
  id!: number

  @Column({ type: 'varchar' })
  number!: string

  @Column({ type: 'varchar' })
  customer!: string

  @Column({ type: 'numeric', precision: 12, scale: 2 })
  total!: string

  @Column({ type: 'varchar', default: 'open' })
  status!: string

  @Column({ type: 'text', nullable: true })
  note!: string | null

  @Column({ type: 'timestamptz' })
  dueAt!: Date

  @Column({ type: 'timestamptz', nullable: true })
  paidAt!: Date | null
}
