import { Column, Entity, ManyToOne, PrimaryGeneratedColumn } from 'typeorm'
import { AuditUpdateDelete } from 'typeorm-audit-logger'
import { Organisation } from './organisation'

@Entity()
@AuditUpdateDelete({ mask: ['passwordHash'], label: 'username' })
export class User {
  @PrimaryGeneratedColumn()
  id!: number

  @Column({ type: 'text', unique: true })
  username!: string

  @Column({ type: 'text' })
  passwordHash!: string

  @Column({ type: 'boolean', default: false })
  isStaff!: boolean

  @ManyToOne(() => Organisation)
  organisation!: Organisation
}
