import { keyText } from '../context/entity'
import { copyOwn, member } from '../event/copy-own'
import { kindOfKey } from '../event/secret-key'
import type { LoginRequest } from './options'

/** What an attempt brought. Looked for in the request alone. */
export interface Credentials {
  username: string | undefined
  /** Passwords, tokens and the like, to be kept out of the event. */
  secrets: readonly string[]
  /** Whether there was anything to try. */
  presented: boolean
}

const NAMES = ['username', 'email', 'login', 'user', 'identifier'] as const
/** What comes back from a provider. */
const HANDED_OVER = ['code', 'oauth_token', 'SAMLResponse', 'id_token', 'credential', 'assertion'] as const
const MOST_SECRETS = 50
/** Longer ones are no passwords, and looking for them costs. */
const LONGEST_SECRET = 4_096

/** `strategy` knows the names of its fields, as passport-local does. Never throws. */
export function credentialsOf(request: LoginRequest, strategy?: object): Credentials {
  const places = [member(request, 'body'), member(request, 'query')]
  const header = authorizationOf(request)
  const basic = basicOf(header)
  const fields = [keyText(member(strategy, '_usernameField')), ...NAMES]
  const username = first(places, fields) ?? basic?.username
  const secrets = new Set<string>()
  const add = (secret: string | undefined) => {
    if (secret !== undefined && secret.length <= LONGEST_SECRET && secrets.size < MOST_SECRETS) secrets.add(secret)
  }
  add(first(places, [keyText(member(strategy, '_passwordField'))]))
  add(basic === undefined ? header?.split(' ')[1] : basic.password)
  for (const place of places) collect(place, add, 2)
  const presented = username !== undefined || secrets.size > 0 || header !== undefined
  return { username, secrets: [...secrets], presented: presented || first(places, HANDED_OVER) !== undefined }
}

function first(places: readonly unknown[], fields: readonly (string | undefined)[]): string | undefined {
  for (const place of places) {
    for (const field of fields) {
      const found = field === undefined ? undefined : textOf(lookUp(place, field))
      if (found !== undefined) return found
    }
  }
  return undefined
}

/** `user[name]` is how forms write a field of a field; passport-local takes it as the name of one. */
function lookUp(place: unknown, field: string): unknown {
  let value: unknown = place
  for (const name of field.split(/[[\]]+/).filter((part) => part !== '')) value = member(value, name)
  return value
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' || typeof value === 'number' ? keyText(value) : undefined
}

function collect(place: unknown, add: (secret: string | undefined) => void, depth: number): void {
  for (const [name, value] of Object.entries(copyOwn(place))) {
    if (typeof value === 'object' && depth > 1) collect(value, add, depth - 1)
    else if (kindOfKey(name) === 'secret') add(textOf(value))
  }
}

function authorizationOf(request: LoginRequest): string | undefined {
  const header = member(member(request, 'headers'), 'authorization')
  return typeof header === 'string' && header !== '' ? header : undefined
}

function basicOf(
  header: string | undefined,
): { username: string | undefined; password: string | undefined } | undefined {
  const encoded = /^basic +([\w+/=-]+)$/i.exec(header ?? '')?.[1]
  if (encoded === undefined) return undefined
  const text = Buffer.from(encoded, 'base64').toString('utf8')
  const colon = text.indexOf(':')
  const part = (value: string) => (value === '' ? undefined : value)
  return colon === -1
    ? { username: undefined, password: part(text) }
    : { username: part(text.slice(0, colon)), password: part(text.slice(colon + 1)) }
}
