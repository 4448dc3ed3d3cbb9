/** The matched route, where the router was mounted, and both together as they were when it matched. */
interface Matched {
  readonly route: unknown
  readonly pattern: string | undefined
}

const MATCHED: unique symbol = Symbol('the matched route')

interface Routed {
  route?: unknown
  baseUrl?: unknown
  [MATCHED]?: Matched | undefined
}

/**
 * Lets the requests of an application remember what their route is mounted at. Express takes `baseUrl` back when a route
 * passes an error on, so an event of an error handler would tell `/:id` of an invoice and `/:id` of a user alike.
 *
 * @param prototype `app.request`, which all requests of the application inherit from
 */
export function watchRoutes(prototype: object): void {
  if ('route' in prototype) return
  Object.defineProperty(prototype, 'route', {
    configurable: true,
    enumerable: true,
    get(this: Routed) {
      return this[MATCHED]?.route
    },
    set(this: Routed, route: unknown) {
      this[MATCHED] = { route, pattern: patternOf(this.baseUrl, route) }
    },
  })
}

/** What the router was mounted at and the route's own pattern; undefined before a route has matched. */
export function matchedRoute(request: object): string | undefined {
  const routed = request as Routed
  return routed[MATCHED] === undefined ? patternOf(routed.baseUrl, routed.route) : routed[MATCHED].pattern
}

function patternOf(baseUrl: unknown, route: unknown): string | undefined {
  const { path } = (route ?? {}) as { path?: unknown }
  // A list of patterns, or a regular expression: shown as the application wrote it.
  const own = Array.isArray(path) ? path.map(String).join(', ') : path === undefined ? undefined : String(path)
  if (own === undefined) return undefined
  const base = typeof baseUrl === 'string' ? baseUrl : ''
  return base !== '' && own === '/' ? base : `${base}${own}`
}
