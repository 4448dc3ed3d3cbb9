import { Body, Controller, HttpCode, Inject, Post, UnauthorizedException } from '@nestjs/common'
import { InjectRepository } from '@nestjs/typeorm'
import { Repository } from 'typeorm'
import { AuditLogger } from 'typeorm-audit-logger'
import { User } from '../entities/user'
import { isPassword } from './password'
import { Sessions } from './sessions'

interface Credentials {
  username: string
  password: string
}

@Controller('login')
export class AuthController {
  constructor(
    @InjectRepository(User) private readonly users: Repository<User>,
    @Inject(Sessions) private readonly sessions: Sessions,
    @Inject(AuditLogger) private readonly audit: AuditLogger,
  ) {}

  @Post()
  @HttpCode(200)
  async login(@Body() { username, password }: Credentials): Promise<{ token: string }> {
    const user = await this.users.findOneBy({ username: String(username) })
    if (user === null || !isPassword(String(password), user.passwordHash)) {
      const reason = user === null ? 'unknown user' : 'wrong password'
      this.audit.logLoginFailed({ username: String(username), reason })
      throw new UnauthorizedException('unknown user or wrong password')
    }
    this.audit.logLogin(user)
    return { token: this.sessions.open(user) }
  }
}
