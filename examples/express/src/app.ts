import { randomBytes } from 'node:crypto'
import express, { type ErrorRequestHandler, type Express } from 'express'
import session from 'express-session'
import passport from 'passport'
import { EntityNotFoundError, QueryFailedError } from 'typeorm'
import { auditContext } from 'typeorm-audit-logger/express'
import { acting, actingAs, impersonation } from './acting'
import { usePassport } from './authentication'
import { invoices } from './invoices'
import { login } from './login'

export function createApp(): Express {
  usePassport()
  const app = express()
  // First, so that all that a request does happens in its context. Both are asked whenever an event is made.
  app.use(
    auditContext({
      user: (request) => actingAs(request) ?? request.user,
      impersonator: (request) => (actingAs(request) === undefined ? undefined : request.user),
    }),
  )
  app.use(express.json())
  app.use(session({ secret: randomBytes(32).toString('hex'), resave: false, saveUninitialized: false }))
  app.use(passport.session())
  app.use(acting)
  app.use(login)
  app.use('/impersonation', impersonation)
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
