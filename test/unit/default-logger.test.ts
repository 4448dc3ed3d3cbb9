import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { AuditLogger } from '../../src/audit-logger'
import { close, flush, logLogin, logLoginFailed, logLogout, sendLog, zeroCodeLogger } from '../../src/default-logger'
import { openLoggers } from '../../src/event-logger'
import { createQueue } from '../../src/queue/producer'
import { MemoryQueue, spyLogger } from './fakes'

const { warn } = vi.hoisted(() => ({ warn: vi.fn() }))

vi.mock('../../src/queue/producer', () => ({ createQueue: vi.fn() }))
vi.mock('../../config/logger', () => ({ defaultLogger: () => ({ warn }) }))

let queue: MemoryQueue

beforeEach(() => {
  vi.clearAllMocks()
  queue = new MemoryQueue()
  vi.mocked(createQueue).mockImplementation(() => queue)
  vi.stubEnv('AUDIT_LOGGER_PREFIX', 'from-environment')
  // What a logger tells of itself has its own tests; here it matters which logger is asked.
  vi.stubEnv('AUDIT_LOGGER_LIFECYCLE_EVENTS', 'false')
})

afterEach(async () => {
  await close()
  openLoggers.clear()
  vi.unstubAllEnvs()
})

const actions = (of: MemoryQueue) => of.events.map((event) => event.action)

describe('the global functions', () => {
  it('use a logger made from the environment at the first use', async () => {
    expect(createQueue).not.toHaveBeenCalled()
    sendLog('A', { plan: 'trial' })
    logLogin({ id: 1 })
    logLoginFailed({ username: 'ann' })
    logLogout({ id: 1 })
    await flush()
    expect(actions(queue)).toEqual(['A', 'USER_LOGIN', 'USER_LOGIN_FAILED', 'USER_LOGOUT'])
    expect(vi.mocked(createQueue).mock.calls).toEqual([[expect.objectContaining({ prefix: 'from-environment' })]])
    expect(zeroCodeLogger()).toBe(zeroCodeLogger())
  })

  it('use the first open logger of the application when there is no zero-code one', async () => {
    const queues = [new MemoryQueue(), new MemoryQueue()]
    const [first, second] = queues.map((one) => new AuditLogger({ logger: spyLogger() }, { queue: one }))
    sendLog('TO_FIRST')
    await flush()
    await first?.close()
    sendLog('TO_SECOND')
    await second?.close()
    sendLog('TO_ZERO_CODE')
    expect([...queues, queue].map(actions)).toEqual([['TO_FIRST'], ['TO_SECOND'], ['TO_ZERO_CODE']])
  })

  it('prefer the zero-code logger once it exists', () => {
    zeroCodeLogger()
    const other = new MemoryQueue()
    new AuditLogger({ logger: spyLogger() }, { queue: other })
    sendLog('A')
    expect([actions(queue), actions(other)]).toEqual([['A'], []])
  })

  it('resolve flush and close at once when nothing was ever used', async () => {
    await flush()
    await close()
    expect(createQueue).not.toHaveBeenCalled()
  })

  it('make a new logger when they are used after close', async () => {
    sendLog('BEFORE')
    const before = zeroCodeLogger()
    await close()
    expect(queue.closed).toBe(true)
    queue = new MemoryQueue()
    sendLog('AFTER')
    expect(actions(queue)).toEqual(['AFTER'])
    expect(zeroCodeLogger()).not.toBe(before)
  })

  it('do not throw when the environment is bad, and report it once', () => {
    vi.stubEnv('LOG_INTERVAL', 'soon')
    sendLog('A')
    logLogin({ id: 1 })
    logLoginFailed({})
    logLogout({})
    expect(zeroCodeLogger()).toBeUndefined()
    expect(warn).toHaveBeenCalledTimes(1)
    expect(warn).toHaveBeenCalledWith(
      expect.objectContaining({ code: 'AUDIT_SETTINGS_INVALID' }),
      expect.stringContaining('LOG_INTERVAL'),
    )
    expect(queue.events).toEqual([])
  })

  it('work again after close when the environment was corrected', async () => {
    vi.stubEnv('LOG_INTERVAL', 'soon')
    sendLog('LOST')
    vi.stubEnv('LOG_INTERVAL', '5')
    await close()
    sendLog('KEPT')
    expect(actions(queue)).toEqual(['KEPT'])
  })
})
