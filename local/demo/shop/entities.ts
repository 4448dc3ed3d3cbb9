import { Column, DeleteDateColumn, Entity, JoinColumn, ManyToOne, OneToOne, PrimaryGeneratedColumn } from 'typeorm'
import { AuditUpdateDelete } from '../../../src/capture/decorator'

@Entity()
export class Organisation {
  @PrimaryGeneratedColumn()
  id!: number

  @Column({ type: 'text' })
  name!: string

  /** What an event shows as `user.organisation`. */
  toString(): string {
    return this.name
  }
}

@Entity()
export class Profile {
  @PrimaryGeneratedColumn()
  id!: number

  @Column({ type: 'text', nullable: true })
  phone!: string | null

  @ManyToOne(() => Organisation)
  organisation!: Organisation
}

@Entity()
@AuditUpdateDelete({ mask: ['password'] })
export class User {
  @PrimaryGeneratedColumn()
  id!: number

  @Column({ type: 'text', unique: true })
  username!: string

  @Column({ type: 'text' })
  password!: string

  @Column({ type: 'boolean', default: false })
  isStaff!: boolean

  @OneToOne(() => Profile)
  @JoinColumn()
  profile!: Profile

  toString(): string {
    return this.username
  }
}

@Entity()
@AuditUpdateDelete
export class Invoice {
  @PrimaryGeneratedColumn()
  id!: number

  @Column({ type: 'text', unique: true })
  number!: string

  @Column({ type: 'decimal', precision: 12, scale: 2 })
  total!: string

  @Column({ type: 'simple-enum', enum: ['draft', 'sent', 'paid'], default: 'draft' })
  status!: 'draft' | 'sent' | 'paid'

  @Column({ type: 'text', nullable: true })
  note!: string | null

  @DeleteDateColumn({ type: 'datetime' })
  deletedAt!: Date | null

  toString(): string {
    return this.number
  }
}

/** Decorated, and left out all the same by the setting `exclude`: sessions come and go by the thousand. */
@Entity()
@AuditUpdateDelete
export class Session {
  @PrimaryGeneratedColumn()
  id!: number

  @Column({ type: 'text' })
  token!: string
}
