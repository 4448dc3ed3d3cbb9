import { Router } from 'express'
import { sendLog } from 'typeorm-audit-logger'
import { onlyUsers } from './authentication'
import { dataSource } from './database'
import { Invoice } from './entities/invoice'

export const invoices = Router()

invoices.use(onlyUsers)

const repository = () => dataSource.getRepository(Invoice)
const find = (id: string) => repository().findOneByOrFail({ id: Number(id) })

// Nothing below says anything of auditing, except where data leaves the application: no change of a row tells that.

invoices.post('/', async (request, response) => {
  const { number, total } = request.body as Invoice
  response.status(201).json(await repository().save(repository().create({ number, total })))
})

invoices.patch('/:id', async (request, response) => {
  const { total } = request.body as Invoice
  response.json(await repository().save(Object.assign(await find(request.params.id), { total })))
})

invoices.delete('/:id', async (request, response) => {
  await repository().softRemove(await find(request.params.id))
  response.status(204).end()
})

/** All or nothing: one invoice that cannot be saved, and none is, and no event tells of any. */
invoices.post('/import', async (request, response) => {
  const rows = request.body as Invoice[]
  await dataSource.transaction(async (manager) => {
    for (const { number, total } of rows) await manager.save(manager.create(Invoice, { number, total }))
  })
  response.status(201).json({ imported: rows.length })
})

invoices.get('/export', async (_request, response) => {
  const all = await repository().find()
  sendLog('INVOICES_EXPORTED', { format: 'json', rows: all.length })
  response.json(all)
})
