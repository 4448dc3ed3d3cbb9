import { unreadable, violation } from './errors'

/**
 * Reads the members of a request. A member of the wrong JSON type is a SerializationException, a missing one an
 * InvalidParameterException, as at AWS.
 */
export class Fields {
  readonly #members: Readonly<Record<string, unknown>>

  constructor(body: unknown) {
    if (typeof body !== 'object' || body === null || Array.isArray(body)) {
      throw unreadable('The request body is not a JSON object.')
    }
    this.#members = body as Record<string, unknown>
  }

  string(name: string): string | undefined {
    return this.#read(name, 'string')
  }

  requiredString(name: string): string {
    const value = this.string(name)
    if (value === undefined) throw violation(null, name, 'not be null')
    return value
  }

  boolean(name: string): boolean | undefined {
    return this.#read(name, 'boolean')
  }

  integer(name: string): number | undefined {
    const value = this.#read(name, 'number')
    if (value !== undefined && !Number.isInteger(value)) throw unreadable(`${name}: ${value} is not an integer.`)
    return value
  }

  requiredInteger(name: string): number {
    const value = this.integer(name)
    if (value === undefined) throw violation(null, name, 'not be null')
    return value
  }

  /** An integer within bounds, for `limit`. */
  limit(name: string, most: number): number {
    const value = this.integer(name) ?? most
    if (value < 1) throw violation(value, name, 'have value greater than or equal to 1')
    if (value > most) throw violation(value, name, `have value less than or equal to ${most}`)
    return value
  }

  list(name: string): readonly unknown[] | undefined {
    const value = this.#members[name] ?? undefined
    if (value !== undefined && !Array.isArray(value)) throw unreadable(`${name} is not a list.`)
    return value
  }

  strings(name: string): readonly string[] | undefined {
    return this.list(name)?.map((item) => {
      if (typeof item !== 'string') throw unreadable(`${name} is not a list of strings.`)
      return item
    })
  }

  #read(name: string, type: 'string'): string | undefined
  #read(name: string, type: 'number'): number | undefined
  #read(name: string, type: 'boolean'): boolean | undefined
  #read(name: string, type: string): unknown {
    const value = this.#members[name] ?? undefined
    if (value !== undefined && typeof value !== type) throw unreadable(`${name} is not a ${type}.`)
    return value
  }
}
