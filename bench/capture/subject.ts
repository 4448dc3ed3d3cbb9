import type { DataSource, EntityTarget } from 'typeorm'

/** The row that every subject writes, in an entity of its own: TypeORM's decorators belong to one copy of TypeORM. */
export interface Bill {
  id: number
  number: string
  customer: string
  total: string
  status: string
  note: string | null
  dueAt: Date
  paidAt: Date | null
}

/** A data source, and its entity. */
export interface Place {
  readonly source: DataSource
  readonly entity: EntityTarget<Bill>
}

/** A way to audit, beside the same TypeORM without it. */
export interface Subject {
  readonly name: string
  readonly plain: Place
  readonly audited: Place
  /** Waits for what a subject that does not make its caller wait has still to do. */
  settle(): Promise<void>
  /** How many records of writes it has made since it was last asked. */
  records(): Promise<number>
  close(): Promise<void>
}

export interface Database {
  readonly type: 'postgres' | 'mariadb'
  readonly host: string
  readonly port: number
  readonly username: string
  readonly database: string
}

type TypeORM = typeof import('typeorm')

/** A class of the same columns for any copy of TypeORM. The decorators are called by hand. */
export function billOf(typeorm: TypeORM, table: string, date: 'timestamptz' | 'datetime'): new () => Bill {
  const { Column, Entity, PrimaryGeneratedColumn } = typeorm
  class Invoice {}
  const column = (name: keyof Bill, options: Parameters<typeof Column>[0]) =>
    Column(options as never)(Invoice.prototype, name)
  PrimaryGeneratedColumn({ type: 'int' })(Invoice.prototype, 'id')
  column('number', { type: 'varchar', length: 40 } as never)
  column('customer', { type: 'varchar', length: 80 } as never)
  column('total', { type: 'decimal', precision: 12, scale: 2 } as never)
  column('status', { type: 'varchar', length: 20, default: 'open' } as never)
  column('note', { type: 'text', nullable: true } as never)
  column('dueAt', { type: date, precision: 3 } as never)
  column('paidAt', { type: date, precision: 3, nullable: true } as never)
  Entity(table)(Invoice)
  return Invoice as unknown as new () => Bill
}

export function dateType({ type }: Database): 'timestamptz' | 'datetime' {
  return type === 'postgres' ? 'timestamptz' : 'datetime'
}
