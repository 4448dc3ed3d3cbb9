import { writeFileSync } from 'node:fs'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type LocalCloudWatch, startCloudWatch } from '../../local/cloudwatch'
import { queueKeys, shardKeys } from '../../src/queue/keys'
import { eventLine, idOf } from '../support/events'
import { environmentFor, GROUP, peakMemoryMb, STREAM } from '../support/processes'
import { type RedisServer, startRedisServer } from '../support/redis-server'
import { build } from '../support/shared'
import { spawnCli, spawnProcess } from '../support/spawn-process'
import { removeDirectory, temporaryDirectory } from '../support/temp-directory'
import { TerminalSession } from '../support/terminal'
import { waitFor } from '../support/wait-for'

const keys = queueKeys('audit-logger')
const NOW = Date.now()
let server: RedisServer
let redis: Redis
let endpoint: LocalCloudWatch
let env: Record<string, string>

beforeAll(async () => {
  await build()
  server = await startRedisServer()
  redis = new Redis(server.url)
})
afterAll(async () => {
  redis.disconnect()
  await server.stop()
})
beforeEach(async () => {
  await redis.flushall()
  endpoint = await startCloudWatch()
  endpoint.ensure(GROUP, STREAM)
  env = environmentFor(server.url, endpoint)
  return () => endpoint.close()
})

async function run(args: string[], changes: Record<string, string> = {}) {
  const process = spawnCli(args, { env: { ...env, ...changes } })
  const { code } = await process.waitForExit({ timeoutMs: 120_000 })
  return { code, out: process.stdout, err: process.stderr, json: () => JSON.parse(process.stdout.join('\n')) }
}

const letter = (event: string, reason = 'refused', hoursAgo = 0) =>
  `${JSON.stringify({ at: new Date(NOW - hoursAgo * 3_600_000).toISOString(), reason, detail: 'why' })}\n${event}`

const eventsOf = ({ deadLetters }: { deadLetters: { event: string }[] }) => deadLetters.map(({ event }) => event)

describe('audit-logger dead-letter list and show', () => {
  it('lists by reason and by time, from all shards', async () => {
    const shards = shardKeys({ prefix: 'audit-logger', shards: 2 })
    const [old, young, other] = [eventLine(), eventLine(), eventLine()]
    await redis.rpush(keys.dead, letter(old, 'too_old', 5))
    await redis.rpush(shards[0]?.dead ?? '', letter(young, 'refused', 1))
    await redis.rpush(shards[1]?.dead ?? '', letter(other, 'expired', 3))
    const sharded = { AUDIT_LOGGER_SHARDS: '2' }
    const all = await run(['dead-letter', 'list', '--json'], sharded)
    expect(all.out).toHaveLength(1)
    expect(eventsOf(all.json()).sort()).toEqual([old, young, other].sort())
    const listed = async (...filters: string[]) =>
      eventsOf((await run(['dead-letter', 'list', '--json', ...filters], sharded)).json())
    expect(await listed('--reason', 'expired')).toEqual([other])
    expect(await listed('--since', '2h')).toEqual([young])
    expect(await listed('--since', '4h', '--until', '2h')).toEqual([other])
    expect(await listed('--until', new Date(NOW - 4 * 3_600_000).toISOString())).toEqual([old])
    expect(await listed('--limit', '2')).toHaveLength(2)
  })

  it('shows people the beginning of each, and one whole, without what could move their cursor', async () => {
    const event = eventLine({ bytes: 5_000, content: { text: 'before' } })
    await redis.rpush(keys.dead, letter(event), letter('\u001b[2Jnot \u202e an event', 'not_an_event'))
    const list = (await run(['dead-letter', 'list'])).out
    expect(list.join('\n')).toContain(`${idOf(event)}  refused: why`)
    expect(list.join('\n')).toContain('\\u001b[2Jnot \\u202e an event')
    expect(Math.max(...list.map((line) => line.length))).toBeLessThan(300)
    expect(list.at(-1)).toContain('2 dead letters')
    const shown = await run(['dead-letter', 'show', idOf(event)])
    expect(shown.code).toBe(0)
    expect(shown.out.join('\n')).toContain(event)
    const { json } = await run(['dead-letter', 'show', idOf(event), '--json'])
    expect(json().deadLetters).toEqual([expect.objectContaining({ id: idOf(event), event })])
  })

  it('says that there is none of that id', async () => {
    const { code, json } = await run(['dead-letter', 'show', 'nothing', '--json'])
    expect([code, json().error.code]).toEqual([1, 'AUDIT_DEAD_LETTER_UNKNOWN'])
  })

  it('says whether there are none at all or none like that', async () => {
    expect((await run(['dead-letter', 'list'])).out).toEqual(['There are no dead letters.'])
    await redis.rpush(keys.dead, letter(eventLine()))
    expect((await run(['dead-letter', 'list', '--reason', 'expired'])).out).toEqual(['No dead letter is like that.'])
  })

  it('streams: many letters need no more memory than few, and a reader that has enough ends it', async () => {
    const event = eventLine({ bytes: 600 })
    for (let i = 0; i < 100; i += 1) await redis.rpush(keys.dead, ...Array<string>(2_000).fill(letter(event)))
    const directory = temporaryDirectory('dead')
    try {
      const script = `exec "${process.execPath}" dist/cli/main.js dead-letter list --json > "${directory}/list.json"`
      const listing = spawnProcess('bash', ['-c', script], { env })
      let peak = 0
      const sample = () => {
        if (listing.running) peak = Math.max(peak, peakMemoryMb(listing.pid) || 0)
        return !listing.running
      }
      await waitFor(sample, { what: 'the end of the list', timeoutMs: 120_000 })
      expect((await listing.waitForExit()).code).toBe(0)
      // 200,000 letters are 150 MB of text; a process that does nothing takes 90.
      expect(peak).toBeGreaterThan(20)
      expect(peak).toBeLessThan(200)
      writeFileSync(`${directory}/check.mjs`, CHECK)
      const check = spawnProcess(process.execPath, [`${directory}/check.mjs`, `${directory}/list.json`])
      await check.waitForExit()
      expect(check.stdout).toEqual(['200000'])
      const head = spawnProcess(
        'bash',
        ['-c', `set -o pipefail; "${process.execPath}" dist/cli/main.js dead-letter list | head -1`],
        { env },
      )
      expect((await head.waitForExit()).code).toBe(0)
      expect([head.stdout.length, head.stderr]).toEqual([1, []])
    } finally {
      removeDirectory(directory)
    }
  }, 180_000)
})

const CHECK = `import { readFileSync } from 'node:fs'
console.log(JSON.parse(readFileSync(process.argv[2], 'utf8')).deadLetters.length)`

describe('audit-logger dead-letter replay', () => {
  it('puts back the filtered ones alone, unchanged, and the next flush stores them with their ids', async () => {
    const [again, stay] = [eventLine(), eventLine()]
    await redis.rpush(keys.dead, letter(stay, 'expired'), letter(again, 'refused'))
    expect((await run(['dead-letter', 'replay', '--reason', 'refused', '--json'])).json()).toEqual({ replayed: 1 })
    expect((await run(['dead-letter', 'list', '--json'])).json().deadLetters).toHaveLength(1)
    expect((await run(['flush'])).code).toBe(0)
    expect(endpoint.events(GROUP, STREAM).map(({ message }) => message)).toEqual([again])
  })

  it('replays each letter into its own list, and one event by its id', async () => {
    const shards = shardKeys({ prefix: 'audit-logger', shards: 2 })
    const [first, second] = [eventLine(), eventLine()]
    await redis.rpush(shards[0]?.dead ?? '', letter(first))
    await redis.rpush(shards[1]?.dead ?? '', letter(second))
    const sharded = { AUDIT_LOGGER_SHARDS: '2' }
    expect((await run(['dead-letter', 'replay', '--id', idOf(second), '--json'], sharded)).json()).toEqual({
      replayed: 1,
    })
    expect(await redis.lrange(shards[1]?.pending ?? '', 0, -1)).toEqual([second])
    expect(await redis.llen(shards[0]?.dead ?? '')).toBe(1)
  })
})

describe('audit-logger dead-letter purge', () => {
  it('without a terminal needs --yes, and a filter that is wrong deletes nothing', async () => {
    await redis.rpush(keys.dead, letter(eventLine()))
    for (const args of [[], ['--json'], ['--yes', '--reson', 'refused'], ['--yes', '--since', 'soon']]) {
      expect((await run(['dead-letter', 'purge', ...args])).code).toBe(2)
    }
    expect(await redis.llen(keys.dead)).toBe(1)
  })

  it('deletes what the filters say', async () => {
    await redis.rpush(keys.dead, letter('a', 'refused'), letter('b', 'expired'), letter('c', 'refused'))
    expect((await run(['dead-letter', 'purge', '--yes', '--reason', 'refused', '--json'])).json()).toEqual({
      purged: 2,
    })
    expect(await redis.lrange(keys.dead, 0, -1)).toEqual([letter('b', 'expired')])
  })

  it.each([
    ['y\r', 1],
    ['yes\r', 1],
    ['n\r', 3],
    ['\r', 3],
    ['yeah\r', 3],
    ['\u0004', 3],
  ])('on a terminal asks, and after %j leaves %i', async (answer, left) => {
    await redis.rpush(keys.dead, letter('a', 'refused'), letter('b', 'expired'), letter('c', 'refused'))
    const terminal = new TerminalSession(['dead-letter', 'purge', '--reason', 'refused'], env)
    await terminal.see(/Delete 2 dead letters for good\? \[y\/N\]/)
    terminal.type(answer)
    expect(await terminal.exited).toBe(0)
    expect(terminal.screen).toContain(`${3 - left} deleted`)
    expect(await redis.llen(keys.dead)).toBe(left)
  })

  it('on a terminal deletes what it asked about, and not what came after', async () => {
    await redis.rpush(keys.dead, letter('a'))
    const terminal = new TerminalSession(['dead-letter', 'purge'], env)
    await terminal.see(/Delete 1 dead letter for good/)
    await redis.rpush(keys.dead, letter('b'))
    terminal.type('y\r')
    expect(await terminal.exited).toBe(0)
    expect(await redis.lrange(keys.dead, 0, -1)).toEqual([letter('b')])
    await waitFor(() => terminal.screen.includes('1 deleted'), { what: 'the answer' })
  })
})
