import fastify, { type FastifyError, type FastifyInstance, type FastifyRequest } from 'fastify'
import { EntityNotFoundError, QueryFailedError } from 'typeorm'
import { auditContext } from 'typeorm-audit-logger/fastify'
import type { User } from './entities/user'
import { invoices } from './invoices'
import { login } from './login'
import { userOf } from './sessions'

declare module 'fastify' {
  interface FastifyRequest {
    person: User | null
  }
}

export async function createApp(): Promise<FastifyInstance> {
  const app = fastify()
  // The one line: every event of a request says who made it and from where. First, so that all that follows is inside.
  await app.register(auditContext, { user: (request: FastifyRequest) => request.person, query: ['status'] })

  app.decorateRequest('person', null)
  app.addHook('preHandler', async (request) => {
    // Late, and early enough: the user is read when an event is made.
    request.person = userOf(request.headers.authorization) ?? null
  })

  app.setErrorHandler((error: FastifyError, _request, reply) => {
    if (error instanceof QueryFailedError) reply.code(409).send({ error: 'the database refuses it' })
    else if (error instanceof EntityNotFoundError) reply.code(404).send({ error: 'there is no such thing' })
    else reply.code(error.statusCode ?? 500).send({ error: error.message })
  })

  await app.register(login)
  await app.register(invoices, { prefix: '/invoices' })
  return app
}
