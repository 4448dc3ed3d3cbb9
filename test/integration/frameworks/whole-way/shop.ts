import 'reflect-metadata'
import { Queue, Worker } from 'bullmq'
import { Column, type DataSource, Entity, ManyToOne, PrimaryGeneratedColumn } from 'typeorm'
import type { AuditLogger } from '../../../../src'
import { AuditUpdateDelete } from '../../../../src'
import { auditProcessor, auditQueue } from '../../../../src/context/adapters/bullmq'

@Entity()
export class Organisation {
  @PrimaryGeneratedColumn()
  id!: number

  @Column({ type: 'text' })
  name!: string
}

@Entity()
export class Person {
  @PrimaryGeneratedColumn()
  id!: number

  @Column({ type: 'text', unique: true })
  username!: string

  @ManyToOne(() => Organisation)
  organisation!: Organisation
}

@Entity()
@AuditUpdateDelete
export class Invoice {
  @PrimaryGeneratedColumn()
  id!: number

  @Column({ type: 'text' })
  number!: string
}

@Entity()
@AuditUpdateDelete
export class Receipt {
  @PrimaryGeneratedColumn()
  id!: number

  @Column({ type: 'text' })
  number!: string
}

export const ENTITIES = [Organisation, Person, Invoice, Receipt]

/** What an application does whatever serves it: it knows nothing of auditing but the two words around queue and worker. */
export class Shop {
  readonly #dataSource: DataSource
  readonly #queue: Queue
  readonly #worker: Worker

  constructor(name: string, dataSource: DataSource, audit: AuditLogger, redisUrl: string) {
    const connection = { url: redisUrl, maxRetriesPerRequest: null }
    this.#dataSource = dataSource
    this.#queue = auditQueue(new Queue(name, { connection }), { audit })
    const confirm = async (job: { data: { number: string } }): Promise<void> => {
      await dataSource.getRepository(Receipt).save({ number: job.data.number })
    }
    this.#worker = new Worker(name, auditProcessor(confirm as never, { audit }), { connection, concurrency: 4 })
    this.#worker.on('error', () => undefined)
  }

  /** As authentication does it: with a query, over the pool that all requests share, and without the organisation. */
  async userOf(username: unknown): Promise<Person | null> {
    return this.#dataSource.getRepository(Person).findOneBy({ username: String(username) })
  }

  /** A write of the request, and one of a job in the background. */
  async order(number: string): Promise<void> {
    await this.#dataSource.getRepository(Invoice).save({ number })
    await this.#queue.add('confirm', { number })
  }

  async close(): Promise<void> {
    await this.#worker.close()
    await this.#queue.close()
  }
}
