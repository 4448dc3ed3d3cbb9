import { type CanActivate, type ExecutionContext, Inject, Injectable } from '@nestjs/common'
import { Sessions } from './sessions'

/** Sets the user where guards do. Late, and early enough: it is read when an event is made. */
@Injectable()
export class AuthGuard implements CanActivate {
  constructor(@Inject(Sessions) private readonly sessions: Sessions) {}

  canActivate(context: ExecutionContext): boolean {
    const request = context.switchToHttp().getRequest()
    request.user = this.sessions.userOf(request.headers.authorization)
    return request.user !== undefined
  }
}
