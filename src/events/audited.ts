import { AuditError } from '../../config/errors'
import { globalLogger } from '../default-logger'
import type { Instance } from '../event/event'
import { problemOf } from '../report'
import { type Sender, sendEvent } from '../send-log'
import { durationSince, settle } from '../switches/suspend'
import { type AuditedOptions, type Audited as Checked, checkAudited } from './audited-options'
import { keepMetadata } from './keep-metadata'
import { pictureOf } from './picture'

export type { AuditedOptions } from './audited-options'

type Method = (this: unknown, ...values: unknown[]) => unknown

/** As a legacy decorator (`experimentalDecorators`), and as a standard one. */
export interface AuditedDecorator<This> {
  <Value extends (...values: never[]) => unknown>(
    target: object,
    key: string | symbol,
    descriptor: TypedPropertyDescriptor<Value>,
  ): void
  <Value extends (this: This, ...values: never[]) => unknown>(value: Value, context: ClassMethodDecoratorContext): Value
}

/**
 * Records each call of a method: whether it succeeded, how long it took, and the arguments that were chosen. What the
 * method returns or throws is passed on unchanged; a promise is waited for by nobody but the event.
 *
 * @throws AuditError `AUDIT_AUDITED_INVALID` where the class is defined, if an option cannot be used
 *
 * @example
 * class Invoices {
 *   @Audited('INVOICE_PAID', { arguments: ['id', 'amount'] })
 *   async pay(id: number, amount: string) { … }
 * }
 */
export function Audited<This = never>(action: string, options?: AuditedOptions<This>): AuditedDecorator<This> {
  return ((target: unknown, key: unknown, descriptor?: unknown): unknown => {
    if (isStandard(key)) {
      const name = String(key.name)
      if (key.kind !== 'method' || typeof target !== 'function') refuse(name)
      return wrap(target as Method, name, undefined, action, options)
    }
    const name = String(key)
    const { value } = (descriptor ?? {}) as { value?: unknown }
    if (typeof value !== 'function') return refuse(name)
    const owner = typeof target === 'function' ? target : (target as object).constructor
    Object.assign(descriptor as object, { value: wrap(value as Method, name, owner.name, action, options) })
    return descriptor
  }) as AuditedDecorator<This>
}

function wrap(method: Method, key: string, owner: string | undefined, action: string, options: unknown): Method {
  const audited = checkAudited(method, owner === undefined ? key : `${owner}.${key}`, action, options)
  const wrapper = function (this: unknown, ...values: unknown[]): unknown {
    const sender = senderOf(audited, this)
    if (sender === undefined) return method.apply(this, values)
    const name = `${owner ?? ownerOf(this)}.${key}`
    // Before the method runs: it may change what it was given.
    const told = begin(sender, audited, this, values)
    const began = performance.now()
    return settle(
      () => method.apply(this, values),
      (outcome, error) => {
        const { instance, problem = told.problem } = describe(sender, told.instance)
        sendEvent(sender, {
          method: `@Audited ${name}`,
          action,
          fields: {
            outcome,
            ...(outcome === 'failure' && { reason: problemOf(error) }),
            method: name,
            duration_ms: durationSince(began),
            ...told.content,
          },
          known: { ...(instance && { instance }), ...(problem !== undefined && { coverageReason: problem }) },
        })
      },
    )
  }
  return keepMetadata(method, wrapper)
}

interface Begun {
  content: { arguments?: Record<string, unknown> }
  instance?: unknown
  problem?: string
}

function begin(sender: Sender, { shown, instance }: Checked, self: unknown, values: readonly unknown[]): Begun {
  const dataSources = sender.dataSources ?? []
  const shownValues = shown.map(([name, index]) => [name, pictureOf(values[index], dataSources)] as const)
  const content = shown.length === 0 ? {} : { arguments: Object.fromEntries(shownValues) }
  try {
    const found = typeof instance === 'function' ? instance(self as never, values) : values[instance ?? -1]
    return { content, instance: found }
  } catch (error) {
    const problem = `the instance: ${problemOf(error)}`
    sender.reports.report('AUDIT_CAPTURE_FAILED', { problem }, '@Audited')
    return { content, problem }
  }
}

/** When the method has ended, because it may be what gives the instance its key. A wrong one is no failure of the method. */
function describe(sender: Sender, instance: unknown): { instance?: Instance; problem?: string } {
  if (instance === undefined || instance === null) return {}
  try {
    const described = sender.describeInstance(instance)
    return described === undefined ? { problem: `the instance is a ${typeof instance}` } : { instance: described }
  } catch (error) {
    return { problem: `the instance could not be read: ${problemOf(error)}` }
  }
}

/** Never throws: without a logger, the method goes its way unrecorded, which is reported. */
function senderOf({ audit }: Checked, self: unknown): Sender | undefined {
  try {
    const logger = typeof audit === 'function' ? audit(self as never) : audit
    return (logger ?? globalLogger())?.sender()
  } catch (error) {
    globalLogger()
      ?.sender()
      ?.reports.report('AUDIT_CAPTURE_FAILED', { problem: problemOf(error) }, '@Audited')
    return globalLogger()?.sender()
  }
}

function ownerOf(self: unknown): string {
  const made = typeof self === 'function' ? self : (self as object | null | undefined)?.constructor
  return typeof made === 'function' && made.name !== '' ? made.name : 'Object'
}

function isStandard(context: unknown): context is { kind: string; name: string | symbol } {
  return typeof context === 'object' && context !== null && 'kind' in context && 'name' in context
}

function refuse(method: string): never {
  throw new AuditError('AUDIT_AUDITED_INVALID', {
    method,
    option: 'the target',
    given: 'no method',
    accepted: 'a method of a class, above which the decorator stands',
  })
}
