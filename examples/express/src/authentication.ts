import type { Request, RequestHandler } from 'express'
import passport from 'passport'
import { Strategy } from 'passport-local'
import { auditPassport } from 'typeorm-audit-logger/passport'
import { dataSource } from './database'
import { User } from './entities/user'
import { isPassword } from './password'

/** In a row, for one name. An application counts them where all its processes see them. */
const MOST_FAILURES = 3
const failures = new Map<string, number>()

export function usePassport(): void {
  // All that logins, failed ones and logouts are logged by.
  auditPassport(passport)
  passport.use(
    new Strategy((username, password, done) => {
      check(username, password).then(
        (answer) => (answer instanceof User ? done(null, answer) : done(null, false, answer)),
        done,
      )
    }),
  )
  passport.serializeUser((user, done) => done(null, (user as User).id))
  passport.deserializeUser((id: number, done) => {
    findUser({ id }).then((user) => done(null, user ?? false), done)
  })
}

async function check(username: string, password: string): Promise<User | { message: string; blocked?: boolean }> {
  const failed = failures.get(username) ?? 0
  // Logged as USER_LOGIN_BLOCKED, and not looked up any more.
  if (failed >= MOST_FAILURES) return { message: 'too many failures', blocked: true }
  const user = await findUser({ username })
  if (user !== null && isPassword(password, user.passwordHash)) {
    failures.delete(username)
    return user
  }
  failures.set(username, failed + 1)
  return { message: user === null ? 'unknown user' : 'wrong password' }
}

export function findUser(where: { id: number } | { username: string }): Promise<User | null> {
  return dataSource.manager.findOne(User, { where, relations: { organisation: true } })
}

export function userOf(request: Request): User | undefined {
  return request.user as User | undefined
}

export const onlyUsers: RequestHandler = (request, response, next) => {
  if (userOf(request) !== undefined) next()
  else response.status(401).json({ error: 'log in first' })
}
