import type { IncomingMessage } from 'node:http'

/**
 * All that a framework has to tell of its requests, whose type is `R`. Every function but `incoming` is asked only when
 * an event is made, as late as possible: the route, the body and the user are known long after the context began. They
 * may throw; undefined means unknown.
 */
export interface HttpAdapter<R> {
  /** The request of `node:http` below the framework's own. */
  incoming(request: R): IncomingMessage
  /** What the client asked for, before a router took a part off. */
  url(request: R): string | undefined
  /** The pattern that matched, such as `/invoices/:id`, with what its router is mounted at. */
  route(request: R): string | undefined
  /** The user where the framework's authentication puts it. */
  user(request: R): unknown
  query(request: R): unknown
  /** As it is parsed at this moment. */
  body(request: R): unknown
  /** Never written as it is: see `session` in the options. */
  sessionId(request: R): unknown
}

/** Where the usual middleware of Express and its kind puts things on a request of `node:http`. */
export interface UsualRequest extends IncomingMessage {
  originalUrl?: string
  user?: unknown
  query?: unknown
  body?: unknown
  session?: unknown
  sessionID?: unknown
}

/** What requests of plain `node:http`, of Express and of NestJS on Express have in common. */
export const usualAdapter = {
  incoming: (request: UsualRequest): IncomingMessage => request,
  url: ({ originalUrl, url }: UsualRequest): string | undefined => originalUrl ?? url,
  user: ({ user }: UsualRequest): unknown => user,
  body: ({ body }: UsualRequest): unknown => body,
  sessionId: ({ sessionID }: UsualRequest): unknown => sessionID,
}
