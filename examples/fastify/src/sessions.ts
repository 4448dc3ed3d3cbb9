import { randomUUID } from 'node:crypto'
import type { User } from './entities/user'

/** Who is logged in, by the token of the Authorization header. An application has its own way. */
const sessions = new Map<string, User>()

export function openSession(user: User): string {
  const token = randomUUID()
  sessions.set(token, user)
  return token
}

export function userOf(authorization: string | undefined): User | undefined {
  return sessions.get(tokenIn(authorization))
}

export function endSession(authorization: string | undefined): void {
  sessions.delete(tokenIn(authorization))
}

function tokenIn(authorization: string | undefined): string {
  return authorization?.replace(/^Bearer /, '') ?? ''
}
