import { Processor, WorkerHost } from '@nestjs/bullmq'
import { InjectRepository } from '@nestjs/typeorm'
import type { Job } from 'bullmq'
import { Repository } from 'typeorm'
import { Invoice } from '../entities/invoice'

@Processor('reminders')
export class RemindersProcessor extends WorkerHost {
  constructor(@InjectRepository(Invoice) private readonly invoices: Repository<Invoice>) {
    super()
  }

  async process(job: Job<{ id: number }>): Promise<void> {
    const invoice = await this.invoices.findOneByOrFail({ id: job.data.id })
    invoice.reminders += 1
    await this.invoices.save(invoice)
  }
}
