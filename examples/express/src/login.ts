import { Router } from 'express'
import { logLogin, logLoginFailed, logLogout, sendLog, setContextUser } from 'typeorm-audit-logger'
import { dataSource } from './database'
import { User } from './entities/user'
import { isPassword } from './password'
import { endSession, openSession } from './sessions'

export const login = Router()

login.post('/login', async (request, response) => {
  const { username, password } = request.body as { username?: unknown; password?: unknown }
  const user = await dataSource.manager.findOne(User, {
    where: { username: String(username) },
    relations: { organisation: true },
  })
  if (user === null || !isPassword(String(password), user.passwordHash)) {
    logLoginFailed({ username: String(username), reason: user === null ? 'unknown user' : 'wrong password' })
    response.status(401).json({ error: 'unknown user or wrong password' })
    return
  }
  setContextUser(user)
  logLogin(user)
  sendLog('ORGANISATION_LOGIN', { instance: user.organisation })
  response.json({ token: openSession(user) })
})

login.post('/logout', (request, response) => {
  logLogout()
  endSession(request.get('authorization'))
  response.status(204).end()
})
