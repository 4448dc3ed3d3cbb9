import { inspect } from 'node:util'
import { isPlainObject } from './freeze'
import type { ParsedMaskRule } from './mask'
import { redactUrl } from './redact'

const IN_CODE = new Set(['logger', 'actorResolver', 'skip', 'events'])

/**
 * Freezes the settings, deeply, and makes them printable: JSON.stringify, console.log and loggers see them without the
 * secrets. Settings are logged by accident sooner or later.
 */
export function seal<Sealed extends object>(settings: NoInfer<Sealed>): Sealed {
  const printable = () => withoutSecrets(settings)
  for (const name of ['toJSON', inspect.custom]) Object.defineProperty(settings, name, { value: printable })
  for (const [name, value] of Object.entries(settings)) {
    // A logger may be a plain object too, and it is the application's own.
    if (!IN_CODE.has(name) && (isPlainObject(value) || Array.isArray(value))) Object.freeze(value)
  }
  return Object.freeze(settings)
}

function withoutSecrets(settings: object): Record<string, unknown> {
  const shown = Object.entries(settings).map(([name, value]): [string, unknown] => {
    if (name === 'credentials' || name === 'maskKey') return [name, '***']
    if (name === 'mask' && Array.isArray(value)) return [name, value.map(showRule)]
    if (name === 'redis' || name === 'endpoint')
      return [name, typeof value === 'string' ? redactUrl(value) : '(in code)']
    if (IN_CODE.has(name)) return [name, '(in code)']
    return [name, value]
  })
  return Object.fromEntries(shown)
}

/** A RegExp is `{}` in JSON, and a change of rules must be told. */
function showRule({ path, key, value, mode, keep }: ParsedMaskRule): string {
  const target = path?.join('.') ?? (value === undefined ? String(key) : `value:${value}`)
  return `${target}=${mode}${mode === 'partial' ? `:${keep}` : ''}`
}
