import { setTimeout as delay } from 'node:timers/promises'
import { defaultLogger } from '../config/logger'
import { loadWorkerSettings } from '../config/settings'
import type { FlushSummary } from '../worker/flush'
import { Flushers } from '../worker/flushers'
import type { Command } from './arguments'
import { count, type Output } from './output'
import { withRedis } from './redis'

/** Flushes once. Waits for a worker that is flushing, so that all that was pending is sent when it ends. */
export async function flush(_command: Command, output: Output): Promise<number> {
  const settings = loadWorkerSettings()
  const summary = await withRedis(settings, async (redis) => {
    const flushers = new Flushers(redis, settings, settings.logger ?? defaultLogger('info'))
    try {
      return await flushers.flushAll((keys) => untilNotBusy(() => flushers.of(keys).flush()))
    } finally {
      await flushers.close()
    }
  })
  const { error, ...counts } = summary
  const failed = error && { error: { code: error.code, message: error.message } }
  const { outcome, stored, batches, dead, deferred, ms } = summary
  const waiting = outcome === 'waiting' ? waitingUntil(summary.retryInMs ?? 0) : ''
  const text = `${outcome}: ${waiting}${stored} stored in ${count(batches, 'batch', 'batches')}, ${dead} dead, ${deferred} deferred, ${ms} ms`
  output.result({ ...counts, ...failed }, error ? `${text}\n${error.message}` : text)
  return outcome === 'ok' ? 0 : 1
}

function waitingUntil(ms: number): string {
  const until = new Date(Date.now() + ms).toISOString()
  return `CloudWatch did not take the last calls, so none is made until ${until} (${Math.ceil(ms / 1_000)} s); `
}

async function untilNotBusy(run: () => Promise<FlushSummary>): Promise<FlushSummary> {
  for (;;) {
    const summary = await run()
    if (summary.outcome !== 'busy') return summary
    await delay(Math.min(summary.retryInMs ?? 0, 1_000) + 50)
  }
}
