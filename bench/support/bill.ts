import { Column, Entity, PrimaryGeneratedColumn } from 'typeorm'
import { AuditUpdateDelete } from '../../src/capture/decorator'

/** The audited entity of capture.ts: like Invoice, in types that PostgreSQL and MariaDB both have. */
@Entity()
@AuditUpdateDelete
export class Bill {
  @PrimaryGeneratedColumn()
  id!: number

  @Column({ type: 'varchar', length: 80 })
  number!: string

  @Column({ type: 'varchar', length: 80 })
  customer!: string

  @Column({ type: 'decimal', precision: 12, scale: 2 })
  total!: string

  @Column({ type: 'varchar', length: 80, default: 'open' })
  status!: string

  @Column({ type: 'text', nullable: true })
  note!: string | null

  @Column({ type: Date })
  dueAt!: Date

  @Column({ type: Date, nullable: true })
  paidAt!: Date | null
}
