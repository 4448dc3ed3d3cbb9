import { randomUUID } from 'node:crypto'
import { Injectable } from '@nestjs/common'
import type { User } from '../entities/user'

/** Who is logged in, by the token of the Authorization header. An application has its own way. */
@Injectable()
export class Sessions {
  readonly #users = new Map<string, User>()

  open(user: User): string {
    const token = randomUUID()
    this.#users.set(token, user)
    return token
  }

  userOf(authorization: string | undefined): User | undefined {
    return this.#users.get(authorization?.replace(/^Bearer /, '') ?? '')
  }
}
