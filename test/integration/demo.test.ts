import { connect } from 'node:net'
import { beforeAll, describe, expect, it } from 'vitest'
import { build } from '../support/shared'
import { type SpawnedProcess, spawnNode } from '../support/spawn-process'
import { waitFor } from '../support/wait-for'

const EVENTS = 17
const KINDS = [
  ['embedded', 'js-redis-server'],
  ['binary', 'redis-server'],
] as const

beforeAll(async () => {
  await build()
})

function demo(...words: string[]): SpawnedProcess {
  return spawnNode('dist/local/demo/main.js', words)
}

/** The answer is stdout's last line; nothing else may be on stdout. */
async function jsonOf(run: SpawnedProcess) {
  const { code } = await run.waitForExit({ timeoutMs: 60_000 })
  expect(run.stdout, run.output).toHaveLength(1)
  const verdict = JSON.parse(run.stdout[0] ?? '') as {
    accepted: number
    stored: number
    missing: string[]
    extra: string[]
  }
  return { code, verdict }
}

const opens = (url: string) =>
  new Promise<boolean>((resolve) => {
    const { hostname, port } = new URL(url)
    const socket = connect(Number(port), hostname, () => resolve(socket.destroy() !== undefined))
    socket.once('error', () => resolve(false))
  })

function runs(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

/** What the demo said that it started. */
function startedBy(run: SpawnedProcess): { urls: string[]; worker: number } {
  const said = run.stderr.join('\n')
  const urls = [...said.matchAll(/(?:http|redis):\/\/127\.0\.0\.1:\d+/g)].map(([url]) => url)
  return { urls, worker: Number(/pid (\d+)/.exec(said)?.[1]) }
}

async function expectNothingLeft({ urls, worker }: { urls: string[]; worker: number }): Promise<void> {
  expect(urls).toHaveLength(2)
  expect(worker).toBeGreaterThan(0)
  await waitFor(() => !runs(worker), { what: 'the end of the worker' })
  for (const url of urls) expect([url, await opens(url)]).toEqual([url, false])
}

describe.each(KINDS)('npm run demo with the %s Redis', (flag, kind) => {
  it('stores what was accepted, no more and no less, and leaves nothing running', async () => {
    const run = demo('--json', '--redis', flag)
    const { code, verdict } = await jsonOf(run)
    expect(verdict, run.output).toEqual({ accepted: EVENTS, stored: EVENTS, missing: [], extra: [] })
    expect(code).toBe(0)
    expect(run.stderr.join('\n')).toContain(` and ${kind} at redis://127.0.0.1:`)
    await expectNothingLeft(startedBy(run))
  })

  it('fails when an event is lost on the way', async () => {
    const { code, verdict } = await jsonOf(demo('--json', '--redis', flag, '--sabotage', 'lose'))
    expect(code).toBe(1)
    expect(verdict).toMatchObject({ accepted: EVENTS, stored: EVENTS - 1, extra: [] })
    expect(verdict.missing).toEqual([expect.stringMatching(/^not stored: AUDIT_STARTED · system/)])
  })

  it('fails when there is an event that nobody captured', async () => {
    const { code, verdict } = await jsonOf(demo('--json', '--redis', flag, '--sabotage', 'add'))
    expect(code).toBe(1)
    expect(verdict).toMatchObject({ accepted: EVENTS, stored: EVENTS + 1, missing: [] })
    expect(verdict.extra).toEqual([expect.stringMatching(/STRANGER/)])
  })

  it('stops everything on Ctrl-C', async () => {
    const run = demo('--redis', flag)
    await run.waitForLine(/a worker process/)
    run.signal('SIGINT')
    expect(await run.waitForExit()).toEqual({ code: 130, signal: null })
    expect(run.stdout).toEqual([])
    expect(run.stderr.at(-1)).toBe('SIGINT: everything was stopped')
    await expectNothingLeft(startedBy(run))
  })
})

describe('npm run demo', () => {
  it('shows the stored events, the counts, what is rightly absent, and the way to AWS', async () => {
    const run = demo()
    expect(await run.waitForExit({ timeoutMs: 60_000 })).toEqual({ code: 0, signal: null })
    const rows = run.stdout.map((line) => line.replace(/^\d\d:\d\d:\d\d\.\d{3} +/, '').split(/ {2,}/))
    for (const row of [
      ['USER_LOGIN_FAILED', 'ada (anonymous)', 'wrong password'],
      ['USER_LOGIN', 'ada', 'Acme Ltd'],
      ['ORGANISATION_LOGIN', 'ada', 'Acme Ltd', 'Organisation Acme Ltd', 'plan=trial'],
      ['OBJ_CREATE', 'ada', 'Acme Ltd', 'Invoice A-1001', 'total=100.00, status=draft'],
      ['OBJ_UPDATE', 'ada', 'Acme Ltd', 'Invoice A-1001', 'total 100.00 → 120.00'],
      ['OBJ_UPDATE', 'ada', 'Acme Ltd', 'User ada', 'password *** → ***'],
      ['OBJ_DELETE', 'ada', 'Acme Ltd', 'Invoice A-1002', 'total=250.00, status=draft'],
      ['OBJ_DELETE', 'bob', 'Globex', 'Invoice G-2001', expect.stringMatching(/^soft=true/)],
      ['OBJ_UPDATE', 'system', 'Invoice A-1001', 'status draft → paid'],
      ['USER_LOGOUT', 'bob', 'Globex'],
    ]) {
      expect(rows).toContainEqual(row)
    }
    const text = run.stdout.join('\n')
    expect(text).toContain(`✓ accepted ${EVENTS} = stored ${EVENTS}, missing 0, extra 0`)
    expect(text).toContain('✓ the invoice of the rolled-back savepoint')
    expect(text).not.toMatch(/G-900\d|token-of-bob|secret of ada/)
    expect(text).toContain('npx audit-logger worker')
    for (const line of run.stdout) expect(line.length).toBeLessThanOrEqual(120)
    expect(run.output, 'colours, though this is no terminal').not.toContain('\u001b[')
  })

  it('takes no setting from whoever runs it', async () => {
    const env = {
      AUDIT_LOGGER_ENABLED: 'false',
      AUDIT_LOGGER_MODELS: 'all',
      AUDIT_LOGGER_PREFIX: 'mine',
      AUDIT_LOGGER_REDIS_URL: 'redis://127.0.0.1:1',
      AUDIT_LOGGER_ENDPOINT: 'http://127.0.0.1:1',
      AWS_ENDPOINT_URL: 'http://127.0.0.1:1',
      AWS_PROFILE: 'mine',
      LOG_INTERVAL: '60',
    }
    const { code, verdict } = await jsonOf(spawnNode('dist/local/demo/main.js', ['--json'], { env }))
    expect(verdict).toMatchObject({ accepted: EVENTS, stored: EVENTS })
    expect(code).toBe(0)
  })

  it('leaves no worker behind even when it is killed', async () => {
    const run = demo('--redis', 'embedded')
    await run.waitForLine(/a worker process/)
    const started = startedBy(run)
    await run.kill('SIGKILL')
    await expectNothingLeft(started)
  })

  it('fails, and does not hang, when the worker ends by itself', async () => {
    const run = demo('--redis', 'embedded')
    await run.waitForLine(/a worker process/)
    process.kill(startedBy(run).worker, 'SIGKILL')
    expect(await run.waitForExit()).toEqual({ code: 1, signal: null })
    expect(run.stderr.join('\n')).toContain('The worker ended with SIGKILL')
  })

  it('says how it is called when called wrongly', async () => {
    const run = demo('--redis', 'cluster')
    expect(await run.waitForExit()).toEqual({ code: 2, signal: null })
    expect(run.stderr[0]).toBe('--redis is "cluster"; accepted: embedded, binary')
  })
})
