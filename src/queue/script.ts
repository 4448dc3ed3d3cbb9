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

  async run(redis: RedisClient, keys: readonly string[], args: readonly Argument[]): Promise<unknown> {
    try {
      return await redis.evalsha(this.#sha, keys.length, ...keys, ...args)
    } catch (error) {
      if (!(error instanceof Error && error.message.startsWith('NOSCRIPT'))) throw error
      return redis.eval(this.#source, keys.length, ...keys, ...args)
    }
  }
}
