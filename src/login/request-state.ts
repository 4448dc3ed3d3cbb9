/** What the hooks know of one request together, so that several of them make one event of one login. */
export interface RequestState {
  /** Above 0 while an audited guard runs: it tells of the login, whatever others see. */
  guarded: number
  /** Above 0 while Passport changes the session: it tells, not whoever watches the session. */
  busy: number
  /** The users whose login is on record. */
  readonly loggedIn: Set<unknown>
  /** A logout is on record. */
  loggedOut: boolean
  /** Its session is watched already. */
  watched: boolean
  /** The last strategy that succeeded. */
  success: { user: unknown; strategy: string; method: string } | undefined
  /** Why the last attempt did not work. */
  noted: { reason: string | undefined; blocked: boolean; asks: boolean } | undefined
}

/** By a registered name, so that two copies of this package share it. */
const STATES = Symbol.for('typeorm-audit-logger.login-states.v1')

export function stateOf(request: object): RequestState {
  const shared = globalThis as { [STATES]?: WeakMap<object, RequestState> }
  shared[STATES] ??= new WeakMap()
  let state = shared[STATES].get(request)
  if (state === undefined) {
    state = {
      guarded: 0,
      busy: 0,
      loggedIn: new Set(),
      loggedOut: false,
      watched: false,
      success: undefined,
      noted: undefined,
    }
    shared[STATES].set(request, state)
  }
  return state
}
