import { randomUUID } from 'node:crypto'
import type { RequestHandler } from 'express'
import { runWithContext } from 'typeorm-audit-logger'
import { userOf } from './sessions'

/** Every event that a request causes, however deep in the application, tells who made it and from where. */
export const auditContext: RequestHandler = (request, _response, next) => {
  const user = userOf(request.get('authorization'))
  const { method, originalUrl, ip } = request
  const about = { id: randomUUID(), method, url: originalUrl, ip, userAgent: request.get('user-agent') }
  runWithContext({ user, request: about, entryPoint: 'http' }, next)
}
