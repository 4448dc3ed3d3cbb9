import type { AuditLogger } from '../../audit-logger'
import { close, flush } from '../../default-logger'
import { flushSoon } from '../../flush-soon'
import { type AuditContext, runInNewContext } from '../context'
import { type MethodDecorator, methodDecorator } from '../jobs/method-decorator'
import type { JobContextOptions } from '../jobs/options'

export type { JobContextOptions } from '../jobs/options'

/** What is known of a command. */
export interface CommandOptions extends JobContextOptions {
  /** Its name, as `content.command` of every event. */
  name: string
  /** On whose behalf it runs: a user object or a name, or a function for one. The system's own unless given. */
  user?: unknown
  organisation?: unknown
  /** Added to `content` of every event. */
  extra?: Readonly<Record<string, unknown>> | undefined
}

/** Of a cron function. */
export interface CronOptions {
  /** Added to `content` of every event. */
  extra?: Readonly<Record<string, unknown>> | undefined
}

/**
 * Runs a command in a context with the entry point `cli`, and resolves with what it returned when its events are on the
 * pending list: the process may end then. What it throws is thrown on; the exit code is left alone. With Redis away it
 * waits 5 seconds at most. Of `options.audit` nothing is closed; the zero-code logger is.
 *
 * @example
 * await auditCommand({ name: 'import-users', user: userInfo().username }, () => importUsers(file))
 */
export async function auditCommand<T>(options: CommandOptions, fn: () => T | Promise<T>): Promise<T> {
  const { name, user, organisation, extra, audit } = options
  const context: AuditContext = { ...who(user), organisation, entryPoint: 'cli', extra: { command: name, ...extra } }
  try {
    return await runInNewContext(context, fn)
  } finally {
    await pushed(audit)
  }
}

/**
 * A function for a scheduler, such as `cron.schedule(time, auditCron('nightly-billing', bill))`: what it does is the
 * system's own, with the entry point `job` and its name as `content.cron`. It takes and returns what `fn` does.
 *
 * @example
 * setInterval(auditCron('sweep', () => sweep()), 60_000)
 */
export function auditCron<This, Args extends unknown[], Result>(
  name: string,
  fn: (this: This, ...args: Args) => Result,
  { extra }: CronOptions = {},
): (this: This, ...args: Args) => Result {
  return function scheduled(this: This, ...args: Args): Result {
    const context: AuditContext = { user: null, entryPoint: 'job', extra: { cron: name, ...extra } }
    return runInNewContext(context, () => fn.apply(this, args))
  }
}

/**
 * The same for a method, such as one with the `@Cron()` of `@nestjs/schedule`.
 *
 * @example
 * @Cron('0 3 * * *')
 * @AuditCron('nightly-billing')
 * async bill(): Promise<void> { … }
 */
export function AuditCron(name?: string, options: CronOptions = {}): MethodDecorator {
  return methodDecorator((method, key) => auditCron(name ?? key, method, options))
}

/** A function is asked when an event is made, as the user of a request is. */
function who(user: unknown): AuditContext {
  if (typeof user !== 'function') return { user: user ?? null }
  return {
    get user(): unknown {
      return (user as () => unknown)() ?? null
    },
  }
}

/** Of the zero-code logger it is the end: what it did in this process is complete then, and it says so. */
async function pushed(audit: AuditLogger | undefined): Promise<void> {
  await flushSoon(audit ?? { flush })
  if (audit === undefined) await close()
}
