import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { FaultKind } from '../../local/cloudwatch'
import { eventLine } from '../support/events'
import { environmentFor } from '../support/processes'
import { type RedisServer, startRedisServer } from '../support/redis-server'
import { build } from '../support/shared'
import { type SpawnedProcess, spawnNode } from '../support/spawn-process'
import { waitFor } from '../support/wait-for'
import { STEPS } from './driver/plan'
import { Stage, TUNING } from './driver/stage'

let server: RedisServer
let cases = 0

beforeAll(async () => {
  await build()
  server = await startRedisServer()
})
afterAll(() => server.stop())

interface Strike {
  readonly step: string
  readonly nth: number
  readonly signal: 'SIGKILL' | 'SIGSTOP'
  readonly afterMs?: number
}

/** A real worker process that strikes itself, on a list with something for every step to happen. */
async function withVictim(
  at: Strike,
  secondCall: { kind: FaultKind; delayMs?: number },
  act: (stage: Stage, victim: SpawnedProcess) => Promise<void>,
): Promise<void> {
  cases += 1
  const prefix = `case-${cases}`
  const stage = await Stage.open(server.url, prefix)
  const env = { ...environmentFor(server.url, stage.endpoint), AUDIT_LOGGER_PREFIX: prefix }
  stage.endpoint.faults.next('PutLogEvents', { kind: 'none' }, secondCall)
  await stage.books.accept(stage.elements())
  const victim = spawnNode('test/faults/programs/worker.mjs', [JSON.stringify({ tuning: TUNING, at })], { env })
  try {
    await act(stage, victim)
  } finally {
    if (victim.running) {
      victim.signal('SIGCONT')
      await victim.kill()
    }
    await stage.close()
  }
}

const isStopped = (pid: number) => /^State:\s+T/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))

const kills: [name: string, at: Strike, fault: FaultKind][] = [
  ...STEPS.map((step): [string, Strike, FaultKind] => [step, { step, nth: 1, signal: 'SIGKILL' }, 'resetAfter']),
  ...(['peeked', 'marked', 'sent', 'answered', 'settling', 'settled'] as const).map(
    (step): [string, Strike, FaultKind] => [`${step}, the third time`, { step, nth: 3, signal: 'SIGKILL' }, 'none'],
  ),
  ['sent, and CloudWatch has stored it', { step: 'sent', nth: 2, signal: 'SIGKILL', afterMs: 150 }, 'hangAfter'],
  ['sent, and CloudWatch has not', { step: 'sent', nth: 2, signal: 'SIGKILL', afterMs: 150 }, 'hang'],
]

describe.concurrent('a worker that is killed (SIGKILL)', () => {
  it.each(kills)('at %s: its successor stores every event, none twice', async (_, at, kind) => {
    await withVictim(at, { kind }, async (stage, victim) => {
      expect(await victim.waitForExit({ timeoutMs: 60_000 }), victim.output).toMatchObject({ signal: 'SIGKILL' })
      await stage.drain(stage.flusher())
      expect(await stage.books.verdict()).toMatchObject({ wrong: [], duplicates: 0, stored: 21, dead: 1, deferred: 0 })
    })
  })
})

/** Stops the worker, lets a successor take over and finish, and lets the worker go on. */
async function overtake(stage: Stage, victim: SpawnedProcess): Promise<void> {
  await waitFor(() => isStopped(victim.pid), { what: 'the worker to stop', timeoutMs: 60_000 })
  const successor = stage.flusher()
  await stage.drain(successor)
  await successor.close()
  victim.signal('SIGCONT')
  // It has come past the point at which it was stopped when it can store something again.
  await stage.books.accept([eventLine({ action: 'AFTERWARDS' })])
  const done = async () => (await stage.books.sample()).pending === 0
  await waitFor(done, { what: 'the worker to go on', timeoutMs: 60_000 })
}

const stops = STEPS.filter((step) => step !== 'sent')

describe.concurrent('a worker that is stopped past its lease and goes on (SIGSTOP, SIGCONT)', () => {
  it.each(stops)('at %s: changes nothing any more, and no event is stored twice', async (step) => {
    const act = async (stage: Stage, victim: SpawnedProcess) => {
      await overtake(stage, victim)
      expect(await stage.books.verdict()).toMatchObject({ wrong: [], duplicates: 0, stored: 22, dead: 1, deferred: 0 })
    }
    await withVictim({ step, nth: 1, signal: 'SIGSTOP' }, { kind: 'resetAfter' }, act)
  })

  it('at sent, with its call on the way: its successor finds what the call has stored', async () => {
    const at = { step: 'sent', nth: 2, signal: 'SIGSTOP', afterMs: 150 } as const
    const act = async (stage: Stage, victim: SpawnedProcess) => {
      await overtake(stage, victim)
      expect(await stage.books.verdict()).toMatchObject({ wrong: [], duplicates: 0, stored: 22, dead: 1, deferred: 0 })
    }
    await withVictim(at, { kind: 'none', delayMs: 800 }, act)
  })

  it('at sent, before its call has left the process: the call is not made any more', async () => {
    const act = async (stage: Stage, victim: SpawnedProcess) => {
      await overtake(stage, victim)
      expect(await stage.books.verdict()).toMatchObject({ wrong: [], duplicates: 0, stored: 22, dead: 1, deferred: 0 })
    }
    await withVictim({ step: 'sent', nth: 2, signal: 'SIGSTOP' }, { kind: 'none' }, act)
  })
})
