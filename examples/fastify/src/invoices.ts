import type { FastifyPluginAsync } from 'fastify'
import { sendLog } from 'typeorm-audit-logger'
import { dataSource } from './database'
import { Invoice } from './entities/invoice'

const BODY = {
  type: 'object',
  properties: { number: { type: 'string' }, total: { type: 'string' } },
} as const

const repository = () => dataSource.getRepository(Invoice)

// Nothing below says anything of auditing, except where data leaves the application: no change of a row tells that.

export const invoices: FastifyPluginAsync = async (app) => {
  app.addHook('preHandler', async (request, reply) => {
    if (request.person === null) return reply.code(401).send({ error: 'log in first' })
  })

  app.post<{ Body: Invoice }>('/', { schema: { body: BODY } }, async ({ body }, reply) => {
    const { number, total } = body
    return reply.code(201).send(await repository().save(repository().create({ number, total })))
  })

  app.patch<{ Params: { id: string }; Body: Invoice }>('/:id', { schema: { body: BODY } }, async ({ params, body }) => {
    const invoice = await repository().findOneByOrFail({ id: Number(params.id) })
    return repository().save(Object.assign(invoice, { total: body.total }))
  })

  app.get('/export', async () => {
    const all = await repository().find()
    sendLog('INVOICES_EXPORTED', { format: 'json', rows: all.length })
    return all
  })
}
