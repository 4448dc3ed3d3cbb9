import { AuditError } from '../config/errors'
import { loadWorkerSettings } from '../config/settings'
import { checkCloudWatch, type Finding } from '../worker/check'
import { checkClock } from '../worker/check-clock'
import { checkRedis } from '../worker/check-redis'
import { createClient } from '../worker/destination'
import type { Command } from './arguments'
import type { Output } from './output'
import { withRedis } from './redis'

/** Tries everything a worker needs, without changing anything, and says what to do about what failed. */
export async function check(_command: Command, output: Output): Promise<number> {
  const settings = loadWorkerSettings()
  const client = createClient(settings)
  try {
    const redis = await withRedis(settings, checkRedis).catch((error: unknown): Finding[] => {
      if (!(error instanceof AuditError)) throw error
      return [{ name: 'redis', result: 'failed', detail: error.message }]
    })
    const findings = [...redis, ...(await checkCloudWatch(client, settings)), await checkClock(client)]
    const ok = findings.every(({ result }) => result !== 'failed')
    output.result({ ok, findings }, describe(findings, ok))
    return ok ? 0 : 1
  } finally {
    client.destroy()
  }
}

const MARKS = { ok: 'ok      ', failed: 'FAILED  ', not_tried: 'not tried' } as const

function describe(findings: readonly Finding[], ok: boolean): string {
  const lines = findings.map(({ name, result, detail }) => `${MARKS[result].padEnd(10)} ${name.padEnd(24)} ${detail}`)
  const next = ok
    ? 'Everything a worker needs is there: audit-logger worker'
    : 'Correct what failed: docs/settings.md for settings, deploy/iam-policy.json for permissions.'
  return [...lines, '', next].join('\n')
}
