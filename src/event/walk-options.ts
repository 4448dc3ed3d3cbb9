import type { EventSecrets } from './event-secrets'
import type { Masking } from './masking'

/** What one event may hold; beyond it, values are left out and their paths reported. Texts are never cut. */
export const LIMITS = { depth: 16, breadth: 10_000, entries: 100_000 } as const

export const CIRCULAR = '[Circular]'
export const TRUNCATED = '[Truncated]'
export const UNREADABLE = '[Unreadable]'

export interface WalkOptions {
  /** Return the given objects themselves where nothing in them had to change: only for what is stringified at once. */
  share?: boolean
  /** Mask by these rules. */
  masking?: Masking | undefined
  /** What is masked already, to be replaced in every text and name. */
  secrets?: EventSecrets | undefined
  /** Entries of one list or object. */
  breadth?: number
}

/** How a text is taken: as it comes, as an address, or as something that a rule allows. */
export type Kind = 'plain' | 'url' | 'allowed'

/** Names that this package gives to what it knows of a request: a secret that is spelled alike must not make them unreadable. */
export const OWN_NAMES = new Set(['id', 'method', 'url', 'route', 'user_agent', 'query', 'body', 'headers', 'session'])

/** Fields of a request that the application or the protocol gives. */
export const FIXED_FIELDS = new Set(['method', 'route'])
