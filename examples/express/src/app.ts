import express, { type ErrorRequestHandler, type Express } from 'express'
import { EntityNotFoundError, QueryFailedError } from 'typeorm'
import { auditContext } from './audit-context'
import { invoices } from './invoices'
import { login } from './login'

export function createApp(): Express {
  const app = express()
  app.use(express.json())
  app.use(auditContext)
  app.use(login)
  app.use('/invoices', invoices)
  app.use(onError)
  return app
}

const onError: ErrorRequestHandler = (error, _request, response, next) => {
  if (response.headersSent) next(error)
  else if (error instanceof QueryFailedError) response.status(409).json({ error: 'the database refuses it' })
  else if (error instanceof EntityNotFoundError) response.status(404).json({ error: 'there is no such thing' })
  else next(error)
}
