import type { CloudWatchLogsClient } from '@aws-sdk/client-cloudwatch-logs'
import { describe, expect, it } from 'vitest'
import { AgeWatch } from '../../../worker/age-watch'
import { Counters } from '../../../worker/counters'
import { prometheusText } from '../../../worker/prometheus'
import { readinessOf } from '../../../worker/readiness'
import { type ListBooks, sumOf } from '../../../worker/status'
import { keptLogger } from '../../support/kept-logger'

const NOW = Date.UTC(2026, 10, 20)
const DAY = 86_400_000

function books(changes: Partial<ListBooks> = {}): ListBooks {
  return {
    list: '{audit-logger}',
    pending: 0,
    inFlight: 0,
    deferred: 0,
    dead: 0,
    oldestAgeMs: null,
    lastFlush: null,
    stored: 0,
    purged: 0,
    lastOkAt: null,
    ...changes,
  }
}

describe('the text for Prometheus', () => {
  it('has a type and a help for each name, and zeros before anything was counted', () => {
    const text = prometheusText(new Counters(), [books()])
    const names = [...text.matchAll(/^# TYPE (\S+) (counter|gauge|histogram)$/gm)].map(([, name]) => name)
    expect(names).toEqual([...text.matchAll(/^# HELP (\S+) \S/gm)].map(([, name]) => name))
    expect(new Set(names).size).toBe(names.length)
    expect(text).toContain('\naudit_logger_events_stored_total 0\n')
    expect(text).toContain('\naudit_logger_pending{list="{audit-logger}"} 0\n')
    expect(text.endsWith('\n')).toBe(true)
  })

  it('has what was counted, by label, and buckets that add up', () => {
    const counters = new Counters()
    counters.stored(3)
    counters.stored(2)
    counters.dead('refused', 1)
    counters.dead('too_old', 2)
    counters.dead('quote " slash \\ line \n', 1)
    counters.retried('throttled')
    counters.duplicatesAvoided(4)
    counters.batch({ events: 10, bytes: 2_000, ms: 30 })
    counters.batch({ events: 11, bytes: 9_999_999, ms: 60_000 })
    counters.flushed('ok', 5)
    const lines = prometheusText(counters, []).split('\n')
    expect(lines).toEqual(
      expect.arrayContaining([
        'audit_logger_events_stored_total 5',
        'audit_logger_events_dead_total{reason="refused"} 1',
        'audit_logger_events_dead_total{reason="too_old"} 2',
        'audit_logger_events_dead_total{reason="quote \\" slash \\\\ line \\n"} 1',
        'audit_logger_retries_total{cause="throttled"} 1',
        'audit_logger_duplicates_avoided_total 4',
        'audit_logger_flushes_total{outcome="ok"} 1',
        'audit_logger_batch_events_bucket{le="1"} 0',
        'audit_logger_batch_events_bucket{le="10"} 1',
        'audit_logger_batch_events_bucket{le="100"} 2',
        'audit_logger_batch_events_bucket{le="+Inf"} 2',
        'audit_logger_batch_events_sum 21',
        'audit_logger_batch_events_count 2',
        'audit_logger_batch_size_bytes_bucket{le="1048576"} 1',
        'audit_logger_batch_size_bytes_bucket{le="+Inf"} 2',
        'audit_logger_put_duration_seconds_sum 60.03',
      ]),
    )
  })

  it('says of each list what Redis holds, and how many events were ever accepted', () => {
    const first = books({ stored: 10, pending: 4, deferred: 3, dead: 2, purged: 1, inFlight: 1, oldestAgeMs: 1_500 })
    const text = prometheusText(new Counters(), [first, books({ list: '{audit-logger:1}', pending: 7 })])
    expect(text).toContain('audit_logger_events_accepted_total{list="{audit-logger}"} 20\n')
    expect(text).toContain('audit_logger_oldest_event_age_seconds{list="{audit-logger}"} 1.5\n')
    expect(text).toContain('audit_logger_pending{list="{audit-logger:1}"} 7\n')
  })

  it('keeps counting when an instrument of OpenTelemetry throws, and says so once', () => {
    const failures: unknown[] = []
    const broken = () => {
      throw new Error('exporter')
    }
    const observable = () => ({})
    const meter = {
      createCounter: () => ({ add: broken }),
      createHistogram: () => ({ record: broken }),
      createObservableCounter: observable,
      createObservableGauge: observable,
      addBatchObservableCallback: broken,
      removeBatchObservableCallback: broken,
    }
    const counters = new Counters(meter, (error) => failures.push(error))
    counters.stored(1)
    counters.stored(1)
    expect(prometheusText(counters, [])).toContain('\naudit_logger_events_stored_total 2\n')
    expect(failures).toHaveLength(1)
  })
})

describe('readiness', () => {
  const at = { intervalMs: 60_000, progressMsAgo: Number.POSITIVE_INFINITY, now: NOW }

  it('is there without a backlog, however long ago the last flush was', () => {
    expect(readinessOf([books()], at)).toEqual({ ready: true, problems: [] })
    expect(readinessOf([books({ deferred: 5, dead: 5, lastOkAt: NOW - DAY })], at).ready).toBe(true)
  })

  it('with a backlog needs a flush within two intervals, by any worker, or progress of this one', () => {
    expect(readinessOf([books({ pending: 1, lastOkAt: NOW - 120_000 })], at).ready).toBe(true)
    expect(readinessOf([books({ pending: 1, lastOkAt: NOW - 120_001 })], at).ready).toBe(false)
    expect(readinessOf([books({ pending: 1 })], at).ready).toBe(false)
    expect(readinessOf([books({ pending: 1 })], { ...at, progressMsAgo: 1_000 }).ready).toBe(true)
  })

  it('is gone when one list of several waits, and names it and the code of its error', () => {
    const lastFlush = { at: '', stored: 0, batches: 0, outcome: 'failed', error: 'AUDIT_CLOUDWATCH_DENIED' } as const
    const stuck = books({ list: '{audit-logger:1}', pending: 9, lastFlush })
    const { ready, problems } = readinessOf([books({ pending: 1, lastOkAt: NOW }), stuck], at)
    expect(ready).toBe(false)
    expect(problems).toEqual([expect.stringMatching(/^\{audit-logger:1\}: 9 pending.*AUDIT_CLOUDWATCH_DENIED$/)])
  })
})

describe('the sum of several lists', () => {
  it('adds up, has the oldest event, and does not hide a failed flush behind a later one that went well', () => {
    const ok = { at: '2026-11-20T00:00:02.000Z', stored: 1, batches: 1, outcome: 'ok' } as const
    const failed = { at: '2026-11-20T00:00:01.000Z', stored: 0, batches: 0, outcome: 'failed', error: 'X' } as const
    const lists = [
      books({ list: 'a', pending: 1, inFlight: 1, oldestAgeMs: 5, lastFlush: ok }),
      books({ list: 'b', pending: 2, deferred: 3, dead: 4, oldestAgeMs: 9, lastFlush: failed }),
      books({ list: 'c' }),
    ]
    const sum = sumOf(lists)
    expect(sum).toMatchObject({ pending: 3, inFlight: 1, deferred: 3, dead: 4, oldestAgeMs: 9, lastFlush: failed })
    expect(sum.shards?.map(({ list }) => list)).toEqual(['a', 'b', 'c'])
    expect(sumOf([books()]).shards).toBeUndefined()
    expect(sumOf([books(), books({ lastFlush: ok })]).lastFlush).toEqual(ok)
  })
})

describe('the warning of an old backlog', () => {
  function watch(retentionInDays: number | undefined | 'denied', clock: () => number = () => NOW) {
    const logger = keptLogger()
    let asked = 0
    const client = {
      send: async () => {
        asked += 1
        if (retentionInDays === 'denied') throw new Error('AccessDeniedException')
        if (asked === 1) return { logGroups: [{ logGroupName: 'audit-2', retentionInDays: 1 }], nextToken: 'more' }
        return { logGroups: [{ logGroupName: 'audit', retentionInDays }] }
      },
    } as unknown as CloudWatchLogsClient
    const said = () => logger.entries.filter(({ fields }) => fields.code === 'AUDIT_BACKLOG_OLD')
    return { ageWatch: new AgeWatch(client, 'audit', logger, clock), said, asked: () => asked }
  }

  it('comes once at 50 % and once at 80 % of 14 days', async () => {
    const { ageWatch, said } = watch(undefined)
    const counts: number[] = []
    for (const days of [6.9, 7, 7.1, 11.1, 11.2, 13.9]) {
      await ageWatch.look(days * DAY)
      counts.push(said().length)
    }
    expect(counts).toEqual([0, 1, 1, 1, 2, 2])
    expect(said()[0]).toMatchObject({ level: 'warn', fields: { percent: 50 } })
    expect(said()[1]).toMatchObject({ level: 'error', fields: { percent: 80 } })
  })

  it('comes earlier when the retention of the group is shorter, which is found behind other groups too', async () => {
    const { ageWatch, said } = watch(3)
    await ageWatch.look(1.4 * DAY)
    expect(said()).toEqual([])
    await ageWatch.look(1.5 * DAY)
    expect(said()[0]).toMatchObject({ fields: { percent: 50 }, message: expect.stringContaining('3 days') })
  })

  it('comes at 14 days whatever longer retention there is, and when AWS does not tell', async () => {
    for (const retention of [3653, 'denied'] as const) {
      const { ageWatch, said } = watch(retention)
      await ageWatch.look(6 * DAY)
      expect(said()).toEqual([])
      await ageWatch.look(8 * DAY)
      expect(said()).toHaveLength(1)
    }
  })

  it('comes again when the backlog was gone in between', async () => {
    const { ageWatch, said } = watch(undefined)
    for (const days of [8, 0, 8]) await ageWatch.look(days === 0 ? null : days * DAY)
    expect(said()).toHaveLength(2)
  })

  it('asks AWS only about a backlog that could be old, and now and then only', async () => {
    let now = NOW
    const { ageWatch, asked } = watch(30, () => now)
    await ageWatch.look(DAY / 4)
    expect(asked()).toBe(0)
    for (let i = 0; i < 10; i += 1) await ageWatch.look(DAY)
    expect(asked()).toBe(2)
    now += 3_600_000
    await ageWatch.look(DAY)
    expect(asked()).toBe(3)
  })
})
