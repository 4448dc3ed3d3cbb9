import { Column, DeleteDateColumn, Entity, PrimaryGeneratedColumn } from 'typeorm'
import { AuditUpdateDelete } from 'typeorm-audit-logger'

@Entity()
@AuditUpdateDelete
export class Invoice {
  @PrimaryGeneratedColumn()
  id!: number

  @Column({ type: 'text', unique: true })
  number!: string

  @Column({ type: 'decimal', precision: 12, scale: 2 })
  total!: string

  @DeleteDateColumn({ type: 'datetime' })
  deletedAt!: Date | null

  toString(): string {
    return this.number
  }
}
