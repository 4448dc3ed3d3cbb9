import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { carrierOf, KEY, readCarrier } from '../../../src/context/jobs/carrier'
import { hide, type JobLike, pack, packed } from '../../../src/context/jobs/job'
import { isResolvedActor } from '../../../src/context/resolved-actor'

const ADA = { pk: '7', type: 'user', username: 'ada', organisation: 'Acme Ltd' } as const

/** What BullMQ makes of a job: JSON, there and back. */
function stored({ data, opts }: { data?: unknown; opts?: unknown }): JobLike & { updates: unknown[] } {
  const throughJson = (value: unknown): unknown => JSON.parse(JSON.stringify(value === undefined ? {} : value))
  const updates: unknown[] = []
  return {
    name: 'job',
    data: throughJson(data),
    opts: throughJson(opts) as object,
    updates,
    async updateData(next: unknown): Promise<void> {
      this.data = next
      updates.push(throughJson(next))
    },
  } as JobLike & { updates: unknown[] }
}

describe('what a job carries', () => {
  it('changes nothing of any data, and comes out as it went in', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (data) => {
        const job = stored(
          pack({ data, opts: { attempts: 2 } }, carrierOf({ user: ADA, requestId: 'r', traceId: 'a'.repeat(32) })),
        )
        const { inData, inOptions } = packed(job)
        hide(job)
        expect(job.data).toEqual(JSON.parse(JSON.stringify(data)))
        const carried = readCarrier(inData, inOptions)
        expect(carried.user).toEqual(ADA)
        expect(carried).toMatchObject({ requestId: 'r', traceId: 'a'.repeat(32) })
      }),
    )
  })

  it('survives new data of any kind that has room for it', () => {
    fc.assert(
      fc.asyncProperty(fc.dictionary(fc.string(), fc.jsonValue()), async (data) => {
        const job = stored(pack({ data: {} }, carrierOf({ user: ADA })))
        hide(job)
        await job.updateData(data as never)
        expect(job.data).toEqual(data)
        const again = stored({ data: job.updates[0], opts: job.opts })
        const { inData, inOptions } = packed(again)
        expect(readCarrier(inData, inOptions).user).toEqual(ADA)
      }),
    )
  })

  it('never throws and never names anybody when it is anything else', () => {
    fc.assert(
      fc.property(
        fc.option(fc.jsonValue(), { nil: undefined }),
        fc.option(fc.string(), { nil: undefined }),
        (data, mark) => {
          const { user } = readCarrier(data, mark)
          expect(user === null || (isResolvedActor(user) && Object.keys(user).length === 0)).toBe(true)
        },
      ),
    )
  })

  it('is taken off where there is no context, and replaced where there is one', () => {
    const forged = { v: 1, mark: 'x', user: { pk: '1', type: 'user' } }
    const given = { data: { n: 1, [KEY]: forged }, opts: { attempts: 2, [KEY]: forged } }
    expect(pack(given, undefined)).toEqual({ data: { n: 1 }, opts: { attempts: 2 } })
    const { inData, inOptions } = packed(stored(pack(given, carrierOf({ user: ADA }))))
    expect(readCarrier(inData, inOptions).user).toEqual(ADA)
    expect(given.data[KEY]).toBe(forged)
  })

  it('names nobody when the context knew nobody either, which is not the same as no context', () => {
    const { inData, inOptions } = packed(stored(pack({ data: {} }, carrierOf({}))))
    expect(readCarrier(inData, inOptions)).toEqual({ user: {} })
    expect(readCarrier(undefined, undefined)).toEqual({ user: null })
  })
})
