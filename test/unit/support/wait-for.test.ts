import { expect, test } from 'vitest'
import { waitFor } from '../../support/wait-for'

test('resolves with the first truthy result of a condition that becomes true', async () => {
  let looks = 0
  const result = await waitFor(() => (++looks === 3 ? 'there' : ''), { what: 'the third look', intervalMs: 1 })
  expect(result).toBe('there')
  expect(looks).toBe(3)
})

test('gives up at the bound and says what it waited for and what it saw last', async () => {
  const waiting = waitFor(() => 0, { what: 'three events', timeoutMs: 30, intervalMs: 5 })
  await expect(waiting).rejects.toThrow('Gave up waiting for three events after 30 ms: the last look gave 0')
})

test('a condition that throws counts as not yet true, and its error is the cause', async () => {
  let looks = 0
  const flaky = () => {
    if (++looks < 3) throw new Error('connection refused')
    return true
  }
  await expect(waitFor(flaky, { what: 'the server', intervalMs: 1 })).resolves.toBe(true)

  const broken = waitFor(() => Promise.reject(new Error('connection refused')), { what: 'the server', timeoutMs: 10 })
  await expect(broken).rejects.toMatchObject({ message: expect.stringContaining('connection refused') })
})
