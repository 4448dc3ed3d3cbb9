import { describe, expect, it, vi } from 'vitest'
import { AuditError } from '../../config/errors'
import { AuditLogger } from '../../src/audit-logger'
import { EventRecorder } from '../../src/event-recorder'
import { LazyQueue } from '../../src/lazy-queue'
import type { EventQueue, QueueCounts, SettingsNote } from '../../src/queue/queue'
import { Reports } from '../../src/report'
import { MemoryQueue, settingsWith, spyLogger } from './fakes'

const COUNTS: QueueCounts = {
  accepted: 3,
  pushed: 1,
  waiting: 2,
  lost: 0,
  dropped: 0,
  spilled: 0,
  adopted: 0,
  retried: 0,
}
const FULL = new AuditError('AUDIT_EVENT_REFUSED', { reason: 'full' })

class FullQueue extends MemoryQueue {
  readonly counts = COUNTS
  readonly notes: SettingsNote[] = []
  readonly opened = vi.fn()
  refusal = (events = 1) => (events > 2 ? FULL : undefined)
  open = () => this.opened()
  noteSettings = (note: SettingsNote) => void this.notes.push(note)
}

function lazy(queue: EventQueue = new FullQueue()) {
  const make = vi.fn(() => queue)
  const logger = spyLogger()
  return { make, logger, queue: new LazyQueue(make, new Reports(logger)) }
}

describe('a queue that is made when it is needed', () => {
  it('refuses nothing before it is made, then what the queue refuses, and everything once closed', async () => {
    const { queue, make } = lazy()
    expect(queue.refusal(99)).toBeUndefined()
    expect(make).not.toHaveBeenCalled()
    queue.push(['a'])
    expect([queue.refusal(), queue.refusal(3)]).toEqual([undefined, FULL])
    const unused = lazy().queue
    await unused.close()
    expect(unused.refusal()?.code).toBe('AUDIT_EVENT_REFUSED')
  })

  it('never refuses where the queue cannot say', () => {
    const { queue } = lazy(new MemoryQueue())
    queue.push(['a'])
    expect([queue.refusal(), queue.counts]).toEqual([undefined, undefined])
  })

  it('is made to look for what dead processes left, without an event', () => {
    const full = new FullQueue()
    const { queue, make } = lazy(full)
    queue.open()
    queue.open()
    expect(make).toHaveBeenCalledTimes(1)
    expect(full.opened).toHaveBeenCalledTimes(2)
    expect(queue.counts).toBe(COUNTS)
  })

  it('is not made after close, and what fails in making it is reported, not thrown', async () => {
    const { queue, make } = lazy()
    await queue.close()
    queue.open()
    expect(make).not.toHaveBeenCalled()
    const broken = lazy()
    broken.make.mockImplementation(() => {
      throw new Error('no such thing')
    })
    broken.queue.open()
    expect(broken.logger.warn.mock.calls[0]?.[0]).toMatchObject({ code: 'AUDIT_DELIVERY_FAILED' })
  })

  it('passes on the settings to tell of, whether they come before it is made or after', () => {
    const note = { settings: '{}', lineFor: () => 'line' }
    const full = new FullQueue()
    const { queue } = lazy(full)
    queue.noteSettings(note)
    expect(full.notes).toEqual([])
    queue.push(['a'])
    queue.noteSettings(note)
    expect(full.notes).toEqual([note, note])
  })
})

describe('what the application and capture see of it', () => {
  it('is whether so many events could be accepted now', () => {
    const settings = settingsWith()
    const recorder = new EventRecorder({ settings, queue: new FullQueue(), dataSources: () => [] })
    expect([recorder.refusal(), recorder.refusal(2), recorder.refusal(3)]).toEqual([undefined, undefined, FULL])
    const easy = new EventRecorder({ settings, queue: new MemoryQueue(), dataSources: () => [] })
    expect(easy.refusal(1_000_000)).toBeUndefined()
  })

  it('is what became of the events, and what dead processes left is pushed from the first data source on', () => {
    const queue = new FullQueue()
    const audit = new AuditLogger({ logger: spyLogger(), spillDirectory: '/var/spool/audit' }, { queue })
    expect(queue.opened).not.toHaveBeenCalled()
    audit.sendLog('A')
    audit.sendLog('B')
    expect(queue.opened).toHaveBeenCalledTimes(1)
    expect(audit.counts).toBe(COUNTS)
    const plain = new FullQueue()
    new AuditLogger({ logger: spyLogger() }, { queue: plain }).sendLog('A')
    expect(plain.opened).not.toHaveBeenCalled()
  })
})
