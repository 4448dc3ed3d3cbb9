import type { IncomingMessage } from 'node:http'
import type { CallHandler, ExecutionContext, NestInterceptor } from '@nestjs/common'
import { type Observable, tap } from 'rxjs'
import { requestFailed } from '../http/contexts'
import type { AuditModuleOptions } from './options'

/**
 * Tells the security monitoring which error a request ended with: NestJS answers with a 500 by itself, and neither
 * Express nor Fastify ever sees the error. Passes everything on as it is.
 */
export class ErrorWatch implements NestInterceptor {
  readonly #watches: boolean

  constructor({ context }: AuditModuleOptions) {
    this.#watches = context !== false && Boolean(context?.monitor)
  }

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    // Microservices and WebSockets have no request, and no context of ours.
    if (!this.#watches || context.getType() !== 'http') return next.handle()
    const request = context.switchToHttp().getRequest<IncomingMessage & { raw?: IncomingMessage }>()
    return next.handle().pipe(tap({ error: (error: unknown) => requestFailed(request.raw ?? request, error) }))
  }
}
