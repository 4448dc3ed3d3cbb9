import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { readStatus } from '../../../worker/status'
import { eventLine } from '../../support/events'
import { GROUP, STREAM, setUpWorker, type WorkerSetup } from '../../support/worker-setup'

let setup: WorkerSetup

beforeEach(async () => {
  setup = await setUpWorker()
})
afterEach(() => setup.close())

const push = (...lines: string[]) => setup.redis.rpush(setup.keys.pending, ...lines)
const events = () => [eventLine(), eventLine()]
const status = () => readStatus(setup.redis, setup.keys)

describe('CloudWatch refuses the worker', () => {
  it.each([
    ['accessDenied', 'AUDIT_CLOUDWATCH_DENIED', 'AccessDeniedException'],
    ['expiredToken', 'AUDIT_CREDENTIALS_EXPIRED', 'ExpiredTokenException'],
    ['unrecognizedClient', 'AUDIT_CREDENTIALS_INVALID', 'UnrecognizedClientException'],
  ] as const)('%s: %s, nothing lost, and it resumes by itself', async (kind, code, name) => {
    setup.endpoint.ensure(GROUP, STREAM)
    setup.endpoint.faults.always('PutLogEvents', { kind })
    const lines = events()
    await push(...lines)
    const flusher = setup.flusher()
    const failed = await flusher.flush()
    expect(failed).toMatchObject({ outcome: 'failed', stored: 0, error: { code } })
    expect(failed.error?.message).toContain(name)
    expect(await status()).toMatchObject({ pending: 2, dead: 0, lastFlush: { outcome: 'failed', error: code } })
    setup.endpoint.faults.clear()
    expect(await flusher.flush()).toMatchObject({ outcome: 'ok', stored: 2 })
    expect(setup.stored()).toEqual(lines)
  })

  it.each([
    ['InvalidSignatureException', 'AUDIT_CREDENTIALS_INVALID'],
    ['MissingAuthenticationTokenException', 'AUDIT_CREDENTIALS_MISSING'],
    ['NotAuthorizedException', 'AUDIT_CLOUDWATCH_DENIED'],
  ])('%s: %s', async (name, code) => {
    setup.endpoint.ensure(GROUP, STREAM)
    setup.endpoint.faults.always('PutLogEvents', { kind: 'error', name })
    await push(...events())
    expect(await setup.flusher().flush()).toMatchObject({ outcome: 'failed', error: { code } })
    expect(await status()).toMatchObject({ pending: 2, dead: 0 })
  })

  it.each([
    ['PutLogEvents', `log-group:${GROUP}:log-stream:${STREAM}`],
    ['CreateLogStream', `log-group:${GROUP}:log-stream:${STREAM}`],
    ['CreateLogGroup', `log-group:${GROUP}`],
  ] as const)(
    'a missing permission for %s is named, with its resource, and its being granted is enough',
    async (operation, resource) => {
      setup.endpoint.faults.always(operation, { kind: 'accessDenied' })
      await push(...events())
      const flusher = setup.flusher()
      const { error } = await flusher.flush()
      expect(error?.details).toMatchObject({ permission: `logs:${operation}`, resource })
      expect(error?.message).toContain(`logs:${operation} on ${resource}`)
      setup.endpoint.faults.clear()
      expect(await flusher.flush()).toMatchObject({ outcome: 'ok', stored: 2 })
    },
  )

  it('without PutRetentionPolicy delivers all the same, and says so', async () => {
    setup.endpoint.faults.always('PutRetentionPolicy', { kind: 'accessDenied' })
    await push(...events())
    expect(await setup.flusherFor({ retentionDays: 30 }).flush()).toMatchObject({ outcome: 'ok', stored: 2 })
    expect(setup.logger.entries.map(({ fields }) => fields.code)).toContain('AUDIT_RETENTION_NOT_SET')
  })

  it('without credentials says so, and goes on when there are some', async () => {
    setup.endpoint.ensure(GROUP, STREAM)
    const keys = { accessKeyId: 'AKIALOCAL', secretAccessKey: 'local-secret' }
    let provide = (): Promise<typeof keys> =>
      Promise.reject(
        Object.assign(new Error('Could not load credentials from any providers'), { name: 'CredentialsProviderError' }),
      )
    const flusher = setup.flusherFor({ credentials: () => provide() })
    await push(...events())
    expect(await flusher.flush()).toMatchObject({ outcome: 'failed', error: { code: 'AUDIT_CREDENTIALS_MISSING' } })
    provide = () => Promise.resolve(keys)
    expect(await flusher.flush()).toMatchObject({ outcome: 'ok', stored: 2 })
  })

  it('at an address that nobody knows or answers at: a coded error that names region and cause', async () => {
    await push(...events())
    const tuning = { ...setup.settings.worker, patienceMs: 200, leaseMs: 20_000, requestTimeoutMs: 10_000 }
    for (const endpoint of ['http://logs.nowhere-1.invalid', 'http://127.0.0.1:1']) {
      const { error, outcome } = await setup.flusherFor({ endpoint, worker: tuning }).flush()
      expect(outcome).toBe('failed')
      expect(error?.code).toBe('AUDIT_CLOUDWATCH_UNREACHABLE')
      expect(error?.message).toMatch(/eu-central-1.*(ENOTFOUND|EAI_AGAIN|ECONNREFUSED)/)
    }
    expect(await status()).toMatchObject({ pending: 2, dead: 0 })
    setup.endpoint.ensure(GROUP, STREAM)
    expect(await setup.flusher().flush()).toMatchObject({ outcome: 'ok', stored: 2 })
  })
})

describe('a missing stream', () => {
  it('is made once, also for batches whose calls were answered after it was made', async () => {
    // The second of four batches learns late that the stream is missing: it exists by then.
    setup.endpoint.faults.next('PutLogEvents', { kind: 'none' }, { kind: 'none', delayMs: 300 })
    await push(...Array.from({ length: 4 }, () => eventLine({ bytes: 900_000 })))
    expect(await setup.flusher().flush()).toMatchObject({ outcome: 'ok', stored: 4 })
    expect(setup.endpoint.callsOf('CreateLogGroup')).toHaveLength(1)
    expect(setup.endpoint.callsOf('CreateLogStream').filter(({ accepted }) => accepted)).toHaveLength(1)
    expect(setup.endpoint.callsOf('CreateLogStream')).toHaveLength(2)
  })

  it('that is deleted between two batches is made again', async () => {
    await push(eventLine())
    const flusher = setup.flusher()
    await flusher.flush()
    await setup.close()
    setup = await setUpWorker()
    await push(eventLine())
    expect(await setup.flusher().flush()).toMatchObject({ outcome: 'ok', stored: 1 })
  })

  it('that is still missing after it was made is not asked for in a tight loop', async () => {
    setup.endpoint.faults.always('PutLogEvents', { kind: 'error', name: 'ResourceNotFoundException' })
    await push(eventLine())
    const summary = await setup.flusher({ patienceMs: 1_000 }).flush()
    expect(summary).toMatchObject({ outcome: 'failed', error: { code: 'AUDIT_CLOUDWATCH_UNAVAILABLE' } })
    expect(setup.endpoint.callsOf('PutLogEvents').length).toBeLessThan(30)
    expect(await status()).toMatchObject({ pending: 1 })
  })
})
