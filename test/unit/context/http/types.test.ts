import express from 'express'
import fastify, { type FastifyRequest } from 'fastify'
import Koa from 'koa'
import { expect, it } from 'vitest'
import { auditErrors, auditContext as forExpress } from '../../../../src/context/adapters/express'
import { auditContext as forFastify } from '../../../../src/context/adapters/fastify'
import { auditContext as forKoa } from '../../../../src/context/adapters/koa'

it("takes functions that name the framework's own types, and fits where the framework takes it", async () => {
  const app = express()
  app.use(forExpress({ user: (request: express.Request) => request.get('x-user'), skip: ({ url }) => url === '/up' }))
  app.use('/api', forExpress(), auditErrors())
  const server = fastify()
  server.register(forFastify)
  server.register(forFastify, { user: (request: FastifyRequest) => request.hostname, trustProxy: ['10.0.0.0/8'] })
  const koa = new Koa()
  koa.use(
    forKoa({ user: (context: Koa.Context) => context.get('x-user'), extra: ({ req }) => ({ method: req.method }) }),
  )
  await server.ready()
  await server.close()
  expect(koa.middleware).toHaveLength(1)
})
