import { InjectQueue } from '@nestjs/bullmq'
import { Body, Controller, Get, HttpCode, Inject, Param, ParseIntPipe, Patch, Post, UseGuards } from '@nestjs/common'
import { InjectRepository } from '@nestjs/typeorm'
import { Queue } from 'bullmq'
import { Repository } from 'typeorm'
import { AuditLogger } from 'typeorm-audit-logger'
import { AuthGuard } from '../auth/auth.guard'
import { Invoice } from '../entities/invoice'

// Nothing below says anything of auditing, except where data leaves the application: no change of a row tells that.

@Controller('invoices')
@UseGuards(AuthGuard)
export class InvoicesController {
  constructor(
    @InjectRepository(Invoice) private readonly invoices: Repository<Invoice>,
    @InjectQueue('reminders') private readonly reminders: Queue,
    @Inject(AuditLogger) private readonly audit: AuditLogger,
  ) {}

  @Post()
  async create(@Body() { number, total }: Invoice): Promise<Invoice> {
    return this.invoices.save(this.invoices.create({ number, total }))
  }

  @Patch(':id')
  async change(@Param('id', ParseIntPipe) id: number, @Body() { total }: Invoice): Promise<Invoice> {
    return this.invoices.save(Object.assign(await this.invoices.findOneByOrFail({ id }), { total }))
  }

  /** In the background, and still on behalf of whoever asked for it. */
  @Post(':id/reminders')
  @HttpCode(202)
  async remind(@Param('id', ParseIntPipe) id: number): Promise<void> {
    await this.reminders.add('remind', { id })
  }

  @Get('export')
  async exportAll(): Promise<Invoice[]> {
    const all = await this.invoices.find()
    this.audit.sendLog('INVOICES_EXPORTED', { format: 'json', rows: all.length })
    return all
  }
}
