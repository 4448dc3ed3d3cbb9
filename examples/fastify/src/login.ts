import type { FastifyPluginAsync } from 'fastify'
import { logLogin, logLoginFailed, logLogout } from 'typeorm-audit-logger'
import { dataSource } from './database'
import { User } from './entities/user'
import { isPassword } from './password'
import { endSession, openSession } from './sessions'

interface Credentials {
  username: string
  password: string
}

export const login: FastifyPluginAsync = async (app) => {
  app.post<{ Body: Credentials }>('/login', async (request, reply) => {
    const { username, password } = request.body
    const user = await dataSource.manager.findOneBy(User, { username: String(username) })
    if (user === null || !isPassword(String(password), user.passwordHash)) {
      logLoginFailed({ username: String(username), reason: user === null ? 'unknown user' : 'wrong password' })
      return reply.code(401).send({ error: 'unknown user or wrong password' })
    }
    request.person = user
    logLogin(user)
    return { token: openSession(user) }
  })

  app.post('/logout', async (request, reply) => {
    logLogout()
    endSession(request.headers.authorization)
    return reply.code(204).send()
  })
}
