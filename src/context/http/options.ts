import type { AuditLogger } from '../../audit-logger'
import type { MonitorOptions } from '../../monitor/options'
import type { TrustProxy } from './client-ip'

/**
 * How requests of type `R` become contexts; the same for every framework, and all of it optional. No function of these
 * can break a request: what it throws is reported once (AUDIT_CONTEXT_OPTION_FAILED), and the events concerned say so.
 *
 * @example
 * app.use(auditContext({ trustProxy: 'loopback', organisation: (request) => request.user?.organisation }))
 */
export interface RequestContextOptions<R> {
  /** Asked whenever an event is made, so that a user known late counts. `request.user` unless given. */
  user?(request: R): unknown
  /** Who really acts, while `user` is another's account that he took on; undefined while nobody does. */
  impersonator?(request: R): unknown
  /** The organisation, or a promise of it; wins over the path of the settings. */
  organisation?(request: R): unknown
  /** Which proxies are believed about the client's address. None unless given. */
  trustProxy?: TrustProxy | undefined
  /** The client's address, in place of the one worked out with `trustProxy`. */
  ip?(request: R): string | undefined
  /** The pattern that matched, where the framework does not tell (plain `node:http`). */
  route?(request: R): string | undefined
  /** `x-request-id` unless given; `false` takes none from outside and returns none. */
  requestIdHeader?: string | false | undefined
  /** The query parameters that events may show, by name or path (`filter.status`). None unless given. */
  query?: readonly string[] | undefined
  /** The fields of the body that events may show, by name or path. None unless given. */
  body?: readonly string[] | undefined
  /** The headers that events may show. None unless given. */
  headers?: readonly string[] | undefined
  /** Shows which requests belong to one session, by a keyed hash of its id. Off unless given. */
  session?: boolean | SessionOptions<R> | undefined
  /** Added to `content` of every event of the request; a function is asked whenever an event is made. */
  extra?: ExtraContent | ExtraFunction<R>['of'] | undefined
  /** True for requests without a context: they pass as if this middleware were not there. */
  skip?(request: R): boolean
  /** Security monitoring; off unless switched on. */
  monitor?: boolean | MonitorOptions | undefined
  /** Records what the monitoring sees. The logger of the global functions unless given. */
  audit?: AuditLogger | undefined
}

type ExtraContent = Readonly<Record<string, unknown>>

/** A method, like the functions above, so that its parameter may have the framework's own, narrower type. */
interface ExtraFunction<R> {
  of(request: R): ExtraContent | undefined
}

export interface SessionOptions<R> {
  /** Of HMAC-SHA-256: at least 16 characters, secret, the same in all processes. The setting `maskKey` unless given. */
  key?: string | undefined
  /** `request.sessionID` (Express) or `request.session.sessionId` (Fastify) unless given. */
  id?(request: R): string | undefined
}
