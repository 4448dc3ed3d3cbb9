import { DataSource } from 'typeorm'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { AuditError } from '../../config/errors'
import { type AuditLoggerOptions, AuditSettingsError } from '../../config/settings'
import { AuditLogger } from '../../src/audit-logger'
import { openLoggers } from '../../src/event-logger'
import { createQueue } from '../../src/queue/producer'
import { MemoryQueue, spyLogger } from './fakes'

const { attach, detach } = vi.hoisted(() => ({ attach: vi.fn(), detach: vi.fn() }))

// What capture does with a data source has its own tests; here it matters when it is asked to.
vi.mock('../../src/capture/attach', () => ({ attachCapture: attach.mockReturnValue(detach) }))
vi.mock('../../src/queue/producer', () => ({ createQueue: vi.fn(() => new MemoryQueue()) }))

const dataSource = new DataSource({ type: 'sqljs' })

function logger(options: AuditLoggerOptions = {}, queue: MemoryQueue | null = new MemoryQueue()) {
  const spy = spyLogger()
  const audit = new AuditLogger({ logger: spy, ...options }, queue === null ? {} : { queue })
  return { audit, spy, queue: queue ?? new MemoryQueue() }
}

beforeEach(() => {
  vi.clearAllMocks()
  attach.mockReturnValue(detach)
  openLoggers.clear()
})

describe('AuditLogger', () => {
  it('refuses bad settings with all that is wrong with them', () => {
    expect(() => new AuditLogger({ logInterval: -1, prefix: '' })).toThrow(AuditSettingsError)
    expect(() => new AuditLogger({ logInterval: -1, prefix: '' })).toThrow(/2 problems/)
    expect(openLoggers.size).toBe(0)
  })

  it('shows its settings, frozen', () => {
    const { audit } = logger({ prefix: 'shop' })
    expect(audit.settings.prefix).toBe('shop')
    expect(Object.isFrozen(audit.settings)).toBe(true)
  })

  it('records what it is told', async () => {
    const { audit, queue } = logger()
    audit.sendLog('REPORT_EXPORTED', { format: 'csv' })
    audit.logLogin({ id: 1 })
    audit.logLoginFailed({ username: 'ann' })
    audit.logLogout({ id: 1 })
    await audit.flush()
    expect(queue.events.map((event) => event.action)).toEqual([
      'AUDIT_STARTED',
      'REPORT_EXPORTED',
      'USER_LOGIN',
      'USER_LOGIN_FAILED',
      'USER_LOGOUT',
    ])
  })

  it('makes its connection with the first event, and never without one', async () => {
    const { audit } = logger({}, null)
    await audit.flush()
    expect(createQueue).not.toHaveBeenCalled()
    audit.sendLog('A')
    audit.sendLog('B')
    expect(createQueue).toHaveBeenCalledTimes(1)
    const quiet = logger({}, null).audit
    await quiet.close()
    expect(createQueue).toHaveBeenCalledTimes(1)
  })

  it('lets a connection that cannot be made not become an error of the caller', () => {
    const { audit, spy } = logger({}, null)
    vi.mocked(createQueue).mockImplementationOnce(() => {
      throw new AuditError('AUDIT_REDIS_UNAVAILABLE', { cause: 'none' })
    })
    audit.sendLog('A')
    expect(spy.warn.mock.calls[0]?.[0]).toMatchObject({ code: 'AUDIT_DELIVERY_FAILED', count: 1 })
  })

  it('attaches a data source once, and detaches what it attached', () => {
    const { audit } = logger()
    expect(audit.attach(dataSource).attach(dataSource)).toBe(audit)
    expect(attach).toHaveBeenCalledTimes(1)
    expect(attach).toHaveBeenCalledWith(dataSource, audit.recorder, audit.settings)
    audit.detach(new DataSource({ type: 'sqljs' }))
    expect(detach).not.toHaveBeenCalled()
    audit.detach(dataSource)
    audit.detach()
    expect(detach).toHaveBeenCalledTimes(1)
    audit.attach(dataSource)
    expect(attach).toHaveBeenCalledTimes(2)
  })

  it('captures nothing and makes no connection when it is switched off', async () => {
    const { audit } = logger({ enabled: false }, null)
    audit.attach(dataSource)
    audit.sendLog('A')
    audit.logLogin({ id: 1 })
    audit.logLoginFailed({})
    audit.logLogout()
    await audit.flush()
    await audit.close()
    expect(attach.mock.calls).toEqual([[dataSource, audit.recorder, expect.objectContaining({ enabled: false })]])
    expect(createQueue).not.toHaveBeenCalled()
  })

  it('pushes what waits for an organisation before it closes, and closes once', async () => {
    const { audit, queue } = logger({ userOrganisationField: 'organisation' })
    const closing = vi.spyOn(queue, 'close')
    audit.attach(dataSource)
    audit.logLogin({ id: 1, organisation: new Promise((resolve) => setImmediate(resolve, { id: 2, name: 'ACME' })) })
    await Promise.all([audit.close(), audit.close()])
    await audit.close()
    expect(queue.events.map(({ action, user }) => [action, user?.organisation])).toEqual([
      ['AUDIT_STARTED', undefined],
      ['USER_LOGIN', 'ACME'],
      ['AUDIT_STOPPED', undefined],
    ])
    expect(detach).toHaveBeenCalledTimes(1)
    expect(closing).toHaveBeenCalledTimes(1)
  })

  it('counts and reports what comes after close, and does not connect for it', async () => {
    const { audit, spy } = logger({}, null)
    await audit.close()
    audit.sendLog('LATE')
    expect(createQueue).not.toHaveBeenCalled()
    expect(spy.warn.mock.calls[0]?.[0]).toMatchObject({ code: 'AUDIT_CLOSED' })
  })
})
