import 'reflect-metadata'
import {
  BaseEntity,
  ChildEntity,
  Column,
  DeleteDateColumn,
  Entity,
  JoinColumn,
  JoinTable,
  ManyToMany,
  ManyToOne,
  OneToMany,
  OneToOne,
  PrimaryColumn,
  PrimaryGeneratedColumn,
  TableInheritance,
  Tree,
  TreeChildren,
  TreeParent,
  Unique,
  UpdateDateColumn,
  VersionColumn,
  ViewColumn,
  ViewEntity,
} from 'typeorm'
import { AuditUpdateDelete } from '../../../src/capture/decorator'

/** Hoisted, because decorators run first. */
function flip(text: string | null | undefined): string | null | undefined {
  return typeof text === 'string' ? [...text].reverse().join('') : text
}

export class Address {
  @Column({ type: 'varchar', length: 40, nullable: true })
  street!: string | null

  @Column({ type: 'varchar', length: 40, default: 'Bern' })
  city!: string
}

@Entity()
@AuditUpdateDelete
export class Owner extends BaseEntity {
  @PrimaryGeneratedColumn()
  id!: number

  @Column({ length: 40 })
  name!: string

  @OneToMany(
    () => Thing,
    (thing) => thing.owner,
    { cascade: true },
  )
  things!: Thing[]

  @OneToMany(
    () => Part,
    (part) => part.owner,
    { cascade: true },
  )
  parts!: Part[]
}

@Entity()
@AuditUpdateDelete
export class Thing extends BaseEntity {
  @PrimaryGeneratedColumn()
  id!: number

  @Column({ length: 40, unique: true })
  name!: string

  @Column({ type: 'decimal', precision: 10, scale: 2, default: 0 })
  total!: string | number

  @Column({ type: 'int', default: 7 })
  count!: number

  @Column({ type: 'varchar', length: 40, nullable: true, select: false })
  hidden!: string | null

  @Column({ type: 'varchar', length: 40, nullable: true, transformer: { to: flip, from: flip } })
  flipped!: string | null

  @Column(() => Address)
  address = new Address()

  @ManyToOne(
    () => Owner,
    (owner) => owner.things,
    { nullable: true, orphanedRowAction: 'nullify' },
  )
  owner!: Owner | null

  @ManyToMany(
    () => Tag,
    (tag) => tag.things,
  )
  @JoinTable()
  tags!: Tag[]

  @VersionColumn()
  version!: number

  @UpdateDateColumn()
  updatedAt!: Date

  @DeleteDateColumn()
  deletedAt!: Date | null
}

@Entity()
@AuditUpdateDelete
export class Part extends BaseEntity {
  @PrimaryGeneratedColumn()
  id!: number

  @Column({ length: 40 })
  name!: string

  @ManyToOne(
    () => Owner,
    (owner) => owner.parts,
    { nullable: true, orphanedRowAction: 'delete' },
  )
  owner!: Owner | null
}

@Entity()
export class Tag {
  @PrimaryGeneratedColumn()
  id!: number

  @Column({ length: 40 })
  name!: string

  @ManyToMany(
    () => Thing,
    (thing) => thing.tags,
  )
  things!: Thing[]
}

@Entity()
@AuditUpdateDelete
export class Pair extends BaseEntity {
  @PrimaryColumn({ length: 40 })
  left!: string

  @PrimaryColumn({ type: 'int' })
  right!: number

  @Column({ type: 'varchar', length: 40, nullable: true })
  note!: string | null
}

/** Its relations have composite keys: one to a Pair, and links to many. */
@Entity()
@AuditUpdateDelete
export class Deal {
  @PrimaryGeneratedColumn()
  id!: number

  @ManyToOne(() => Pair, { nullable: true })
  pair!: Pair | null

  @OneToOne(() => Ticket, { cascade: true, nullable: true })
  @JoinColumn()
  ticket!: Ticket | null

  @ManyToMany(() => Pair)
  @JoinTable()
  pairs!: Pair[]
}

/** Not in the default schema, where there are schemas; its key is a text, and one column a bigint. */
@Entity({ schema: 'office' })
@AuditUpdateDelete
export class Desk {
  @PrimaryColumn({ length: 40 })
  code!: string

  @Column({ type: 'bigint' })
  height!: string

  @Column({ type: 'boolean', default: false })
  taken!: boolean
}

/** A bigint that the database counts. */
@Entity()
@AuditUpdateDelete
export class Entry {
  @PrimaryGeneratedColumn({ type: 'bigint' })
  id!: string

  @Column({ length: 40 })
  text!: string
}

@Entity()
@AuditUpdateDelete
export class Ticket {
  @PrimaryGeneratedColumn('uuid')
  id!: string

  @Column({ length: 40 })
  title!: string
}

@Entity()
@TableInheritance({ column: { type: 'varchar', name: 'kind', length: 40 } })
@AuditUpdateDelete
export class Animal {
  @PrimaryGeneratedColumn()
  id!: number

  @Column({ length: 40 })
  name!: string
}

@ChildEntity()
export class Cat extends Animal {
  @Column({ type: 'int', nullable: true })
  lives!: number | null
}

@ChildEntity()
export class Dog extends Animal {
  @Column({ type: 'varchar', length: 40, nullable: true })
  bark!: string | null
}

@Entity()
@Tree('closure-table')
@AuditUpdateDelete
export class Leaf {
  @PrimaryGeneratedColumn()
  id!: number

  @Column({ length: 40 })
  name!: string

  @TreeParent()
  parent!: Leaf | null

  @TreeChildren()
  children!: Leaf[]
}

@Entity()
@Tree('materialized-path')
@AuditUpdateDelete
export class Path {
  @PrimaryGeneratedColumn()
  id!: number

  @Column({ length: 40 })
  name!: string

  @TreeParent()
  parent!: Path | null

  @TreeChildren()
  children!: Path[]
}

@Entity()
@Tree('nested-set')
@AuditUpdateDelete
export class Nest {
  @PrimaryGeneratedColumn()
  id!: number

  @Column({ length: 40 })
  name!: string

  @TreeParent()
  parent!: Nest | null

  @TreeChildren()
  children!: Nest[]
}

@Entity()
@Unique(['code'])
export class Unaudited {
  @PrimaryGeneratedColumn()
  id!: number

  @Column({ length: 40 })
  code!: string
}

/** Decorated, and nevertheless not audited: it is a view. */
@ViewEntity({
  expression: (dataSource) =>
    dataSource.createQueryBuilder().select('u.id', 'id').addSelect('u.code', 'code').from(Unaudited, 'u'),
})
@AuditUpdateDelete
export class CodeView {
  @ViewColumn()
  id!: number

  @ViewColumn()
  code!: string
}

export const ENTITIES = [
  Owner,
  Thing,
  Part,
  Tag,
  Pair,
  Deal,
  Desk,
  Ticket,
  Animal,
  Cat,
  Dog,
  Leaf,
  Path,
  Nest,
  Unaudited,
  CodeView,
]

export const isSqlite = (driver: string): boolean => driver === 'sqljs' || driver === 'better-sqlite3'

/** SQLite counts no bigints. */
export const entitiesOf = (driver: string) => (isSqlite(driver) ? ENTITIES : [...ENTITIES, Entry])
