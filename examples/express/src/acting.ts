import { type Request, type RequestHandler, Router } from 'express'
import { logImpersonationEnded, logImpersonationStarted } from 'typeorm-audit-logger'
import { findUser, userOf } from './authentication'
import type { User } from './entities/user'

declare module 'express-session' {
  interface SessionData {
    /** Whose account the user has taken on, to see what that one sees. */
    actingAs?: number
  }
}

const actors = new WeakMap<object, User>()

export function actingAs(request: object): User | undefined {
  return actors.get(request)
}

/** Knows in each request whose account was taken on in an earlier one. */
export const acting: RequestHandler = async (request, _response, next) => {
  const { actingAs: id } = request.session
  const user = id === undefined ? null : await findUser({ id })
  if (user !== null) actors.set(request, user)
  next()
}

export const impersonation = Router()

impersonation.use((request, response, next) => {
  if (userOf(request)?.isStaff === true) next()
  else response.status(403).json({ error: 'only for staff' })
})

impersonation.post('/', async (request: Request, response) => {
  const { username, reason } = request.body as { username: string; reason: string }
  const user = await findUser({ username })
  if (user === null) {
    response.status(404).json({ error: 'there is no such user' })
    return
  }
  logImpersonationStarted(user, { reason })
  request.session.actingAs = user.id
  response.status(204).end()
})

impersonation.delete('/', (request, response) => {
  endActing(request)
  response.status(204).end()
})

/** Also before the session ends, or the log would show a beginning without an end. */
export function endActing(request: Request): void {
  if (actingAs(request) === undefined) return
  logImpersonationEnded()
  actors.delete(request)
  delete request.session.actingAs
}
