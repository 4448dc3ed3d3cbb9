import { describe, expect, it } from 'vitest'
import type { ActorResolver } from '../../../config/settings'
import { actorOf, actorWithoutUser } from '../../../src/context/actor'
import { Reports } from '../../../src/report'
import { settingsWith, spyLogger } from '../fakes'

function actor(user: unknown, actorResolver?: ActorResolver, reports = new Reports(settingsWith().logger)) {
  return actorOf(user, { settings: settingsWith({ actorResolver }), dataSources: [], reports })
}

describe('the default fields of a user', () => {
  it.each<[unknown, object]>([
    ['u-1', { pk: 'u-1', type: 'user' }],
    [7, { pk: '7', type: 'user' }],
    [7n, { pk: '7', type: 'user' }],
    [
      { id: 7, username: 'ann', isStaff: true, is_superuser: false },
      { pk: '7', type: 'user', username: 'ann', is_staff: true, is_superuser: false },
    ],
    [
      { is_staff: 1, isSuperuser: 0 },
      { type: 'user', is_staff: true, is_superuser: false },
    ],
    [{ pk: 'p' }, { pk: 'p', type: 'user' }],
    [
      { uuid: 'u', sub: 's' },
      { pk: 'u', type: 'user' },
    ],
    [
      { sub: 'auth0|1', email: 'a@b' },
      { pk: 'auth0|1', type: 'user' },
    ],
    [
      { id: 'billing', type: 'service' },
      { pk: 'billing', type: 'service' },
    ],
    [
      { id: 1, type: 'premium' },
      { pk: '1', type: 'user' },
    ],
    [{ id: { toString: () => '507f1f77' } }, { pk: '507f1f77', type: 'user' }],
    [
      { id: {}, username: 5, isStaff: 'yes' },
      { type: 'user', username: '5' },
    ],
    [Symbol('x'), { type: 'user' }],
  ])('%o', (user, expected) => expect(actor(user)).toEqual(expected))
})

it('the default fields are what can be read of a user whose getters throw', () => {
  const user = {
    username: 'ann',
    get id(): number {
      throw new Error('no')
    },
  }
  expect(actor(user)).toEqual({ type: 'user', username: 'ann' })
})

describe('an actor without a user', () => {
  it('is anonymous over http, the system in jobs and commands, and unknown elsewhere', () => {
    expect(actorWithoutUser('http')).toEqual({ type: 'anonymous' })
    expect(actorWithoutUser('job')).toEqual({ type: 'system' })
    expect(actorWithoutUser('cli')).toEqual({ type: 'system' })
    expect(actorWithoutUser('system')).toEqual({ type: 'system' })
    expect(actorWithoutUser(undefined)).toBeUndefined()
  })
})

describe('the actorResolver of the settings', () => {
  it('extends the default fields and replaces those it gives', () => {
    const resolver: ActorResolver = () => ({ pk: 'mine', organisation: 'ACME' })
    expect(actor({ id: 7, username: 'ann' }, resolver)).toEqual({
      pk: 'mine',
      type: 'user',
      username: 'ann',
      organisation: 'ACME',
    })
    expect(actor({ id: 7 }, () => undefined)).toEqual({ pk: '7', type: 'user' })
  })

  it.each<[string, ActorResolver]>([
    [
      'throws',
      () => {
        throw new Error('resolver broke')
      },
    ],
    ['returns a promise', (() => Promise.reject(new Error('late'))) as unknown as ActorResolver],
    ['returns a text', (() => 'ann') as unknown as ActorResolver],
  ])('that %s is reported once, and the default fields are used', (_, resolver) => {
    const logger = spyLogger()
    const reports = new Reports(logger)
    expect([actor({ id: 7 }, resolver, reports), actor({ id: 8 }, resolver, reports)]).toEqual([
      { pk: '7', type: 'user' },
      { pk: '8', type: 'user' },
    ])
    expect(logger.warn).toHaveBeenCalledTimes(1)
    expect(logger.warn.mock.calls[0]?.[0]).toMatchObject({ code: 'AUDIT_ACTOR_RESOLVER_FAILED' })
  })
})
