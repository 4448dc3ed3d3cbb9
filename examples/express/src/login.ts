import { Router } from 'express'
import passport from 'passport'
import { logPasswordChanged, sendLog } from 'typeorm-audit-logger'
import { endActing } from './acting'
import { onlyUsers, userOf } from './authentication'
import { dataSource } from './database'
import { hashPassword, isPassword } from './password'

export const login = Router()

// Nothing here says anything of logging who comes and goes: auditPassport does.

login.post('/login', passport.authenticate('local'), (request, response) => {
  const user = userOf(request)
  sendLog('ORGANISATION_LOGIN', { instance: user?.organisation })
  response.json({ username: user?.username })
})

login.post('/logout', (request, response, next) => {
  endActing(request)
  request.logout((error) => (error ? next(error) : response.status(204).end()))
})

login.post('/password', onlyUsers, async (request, response) => {
  const { old, wanted } = request.body as { old: unknown; wanted: unknown }
  const user = userOf(request)
  if (user === undefined || !isPassword(String(old), user.passwordHash)) {
    response.status(403).json({ error: 'that is not the password' })
    return
  }
  user.passwordHash = hashPassword(String(wanted))
  await dataSource.manager.save(user)
  logPasswordChanged(user)
  response.status(204).end()
})
