import { logLogin, logLoginFailed, logLogout, sendLog, setContextUser } from '../../src/index'
import type { Expected } from './expected'
import { Invoice, Session, User } from './shop/entities'
import { inBackground, type Shop, serve } from './shop/shop'

/** One thing that happens in the shop, and what must be on record of it. */
export interface Step {
  readonly title: string
  readonly expects: readonly Expected[]
  /** What must not be on record anywhere, and a text by which it would be found. */
  readonly absent?: { readonly what: string; readonly trace: string }
  run(shop: Shop): Promise<void>
}

const ada = { who: 'ada', organisation: 'Acme Ltd' }
const bob = { who: 'bob', organisation: 'Globex' }

/** What happens before a worker runs: the pending list keeps it. */
export const MORNING: readonly Step[] = [
  {
    title: 'somebody tries to log in as ada, with a wrong password',
    expects: [{ action: 'USER_LOGIN_FAILED', who: 'ada (anonymous)' }],
    run: () =>
      serve(undefined, 'POST /login', async () => logLoginFailed({ username: 'ada', reason: 'wrong password' })),
  },
  {
    title: 'ada of Acme Ltd logs in',
    expects: [
      { action: 'USER_LOGIN', ...ada },
      { action: 'ORGANISATION_LOGIN', ...ada, what: 'Organisation Acme Ltd' },
    ],
    run: ({ ada, acme }) =>
      serve(undefined, 'POST /login', async () => {
        logLogin(ada)
        setContextUser(ada)
        sendLog('ORGANISATION_LOGIN', { instance: acme, plan: 'trial' })
      }),
  },
  {
    title: 'ada writes two invoices in one transaction',
    expects: [
      { action: 'OBJ_CREATE', ...ada, what: 'Invoice A-1001' },
      { action: 'OBJ_CREATE', ...ada, what: 'Invoice A-1002' },
    ],
    run: ({ dataSource, ada }) =>
      serve(ada, 'POST /invoices', async () => {
        const invoices = dataSource.getRepository(Invoice)
        await invoices.save([
          invoices.create({ number: 'A-1001', total: '100.00' }),
          invoices.create({ number: 'A-1002', total: '250.00' }),
        ])
      }),
  },
  {
    title: 'ada corrects one of them',
    expects: [{ action: 'OBJ_UPDATE', ...ada, what: 'Invoice A-1001', changed: ['total'] }],
    run: ({ dataSource, ada }) =>
      serve(ada, 'PATCH /invoices/1', async () => {
        const invoice = await dataSource.manager.findOneByOrFail(Invoice, { number: 'A-1001' })
        await dataSource.manager.save(Object.assign(invoice, { total: '120.00' }))
      }),
  },
  {
    title: 'ada saves it again, unchanged',
    expects: [],
    absent: { what: 'the save that changed nothing', trace: '/invoices/1/again' },
    run: ({ dataSource, ada }) =>
      serve(ada, 'PATCH /invoices/1/again', async () => {
        const invoice = await dataSource.manager.findOneByOrFail(Invoice, { number: 'A-1001' })
        await dataSource.manager.save(invoice)
      }),
  },
  {
    title: 'ada changes her password, which is masked',
    expects: [{ action: 'OBJ_UPDATE', ...ada, what: 'User ada', changed: ['password'] }],
    absent: { what: 'the old and the new password', trace: 'secret of ada' },
    run: ({ dataSource, ada }) =>
      serve(ada, 'PUT /password', async () => {
        const user = await dataSource.manager.findOneByOrFail(User, { id: ada.id })
        await dataSource.manager.save(Object.assign(user, { password: 'second secret of ada' }))
      }),
  },
  {
    title: 'ada deletes an invoice for good',
    expects: [{ action: 'OBJ_DELETE', ...ada, what: 'Invoice A-1002' }],
    run: ({ dataSource, ada }) =>
      serve(ada, 'DELETE /invoices/2', async () => {
        await dataSource.manager.remove(await dataSource.manager.findOneByOrFail(Invoice, { number: 'A-1002' }))
      }),
  },
  {
    title: 'bob of Globex logs in, which also saves a session: an excluded model',
    expects: [{ action: 'USER_LOGIN', ...bob }],
    absent: { what: 'the session, a model that is excluded', trace: 'token-of-bob' },
    run: ({ dataSource, bob }) =>
      serve(undefined, 'POST /login', async () => {
        await dataSource.manager.save(dataSource.manager.create(Session, { token: 'token-of-bob' }))
        logLogin(bob)
      }),
  },
  {
    title: 'bob writes an invoice and puts it in the bin (a soft delete)',
    expects: [
      { action: 'OBJ_CREATE', ...bob, what: 'Invoice G-2001' },
      { action: 'OBJ_DELETE', ...bob, what: 'Invoice G-2001' },
    ],
    run: ({ dataSource, bob }) =>
      serve(bob, 'POST /invoices', async () => {
        const invoices = dataSource.getRepository(Invoice)
        const invoice = await invoices.save(invoices.create({ number: 'G-2001', total: '80.00' }))
        await invoices.softRemove(invoice)
      }),
  },
  {
    title: "bob's next transaction is rolled back",
    expects: [],
    absent: { what: 'the invoice of the rolled-back transaction', trace: 'G-9001' },
    run: ({ dataSource, bob }) =>
      serve(bob, 'POST /invoices', () =>
        failing(() =>
          dataSource.transaction(async (manager) => {
            await manager.save(manager.create(Invoice, { number: 'G-9001', total: '1.00' }))
            throw new CardDeclined()
          }),
        ),
      ),
  },
  {
    title: 'bob commits a transaction of which a savepoint is rolled back',
    expects: [
      { action: 'OBJ_CREATE', ...bob, what: 'Invoice G-2002' },
      { action: 'OBJ_UPDATE', ...bob, what: 'Invoice G-2002', changed: ['note'] },
    ],
    absent: { what: 'the invoice of the rolled-back savepoint', trace: 'G-9002' },
    run: ({ dataSource, bob }) =>
      serve(bob, 'POST /invoices', () =>
        dataSource.transaction(async (outer) => {
          const invoice = await outer.save(outer.create(Invoice, { number: 'G-2002', total: '90.00' }))
          await failing(() =>
            outer.transaction(async (inner) => {
              await inner.save(inner.create(Invoice, { number: 'G-9002', total: '2.00' }))
              throw new CardDeclined()
            }),
          )
          await outer.save(Object.assign(invoice, { note: 'one of two' }))
        }),
      ),
  },
]

/** What happens while the worker already runs: the next scheduled flush brings it. */
export const EVENING: readonly Step[] = [
  {
    title: 'a nightly job marks an invoice as paid',
    expects: [{ action: 'OBJ_UPDATE', who: 'system', what: 'Invoice A-1001', changed: ['status'] }],
    run: ({ dataSource }) =>
      inBackground('job', async () => {
        const invoice = await dataSource.manager.findOneByOrFail(Invoice, { number: 'A-1001' })
        await dataSource.manager.save(Object.assign(invoice, { status: 'paid' }))
      }),
  },
  {
    title: 'ada and bob log out',
    expects: [
      { action: 'USER_LOGOUT', ...ada },
      { action: 'USER_LOGOUT', ...bob },
    ],
    run: async ({ ada, bob }) => {
      await serve(ada, 'POST /logout', async () => logLogout())
      await serve(bob, 'POST /logout', async () => logLogout())
    },
  },
]

class CardDeclined extends Error {}

/** Runs what the shop cancels on purpose; any other error is one. */
async function failing(work: () => Promise<unknown>): Promise<void> {
  try {
    await work()
  } catch (error) {
    if (!(error instanceof CardDeclined)) throw error
  }
}
