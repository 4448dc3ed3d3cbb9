import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { RedisClient } from './connection'

type Argument = string | number

/** A Lua file of `lua/`, run by its hash and sent in full only when Redis does not know it (after a restart, say). */
export class Script {
  readonly #source: string
  readonly #sha: string

  constructor(name: string) {
    this.#source = readFileSync(join(__dirname, 'lua', `${name}.lua`), 'utf8')
    this.#sha = createHash('sha1').update(this.#source).digest('hex')
  }

  run(redis: RedisClient, keys: readonly string[], args: readonly Argument[]): Promise<unknown> {
    return this.#try(
      () => redis.evalsha(this.#sha, keys.length, ...keys, ...args),
      () => redis.eval(this.#source, keys.length, ...keys, ...args),
    )
  }

  /** The same with texts as their bytes, for elements that may be no text. */
  runBuffer(redis: RedisClient, keys: readonly string[], args: readonly Argument[]): Promise<unknown> {
    return this.#try(
      () => redis.callBuffer('evalsha', this.#sha, keys.length, ...keys, ...args),
      () => redis.callBuffer('eval', this.#source, keys.length, ...keys, ...args),
    )
  }

  async #try(known: () => Promise<unknown>, whole: () => Promise<unknown>): Promise<unknown> {
    try {
      return await known()
    } catch (error) {
      if (!(error instanceof Error && error.message.startsWith('NOSCRIPT'))) throw error
      return whole()
    }
  }
}
