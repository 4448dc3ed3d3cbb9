import type { ModulesContainer } from '@nestjs/core'
import { DataSource } from 'typeorm'
import type { AuditLogger } from '../../audit-logger'
import { type AddsJobs, auditProcessor, auditQueue } from '../adapters/bullmq'
import type { JobLike } from '../jobs/job'

/** The names that `@nestjs/bullmq` gives to the providers of queues and flow producers. */
const QUEUE = /^Bull(Queue|FlowProducer)_/
/** Its service that is asked to decorate every processor before a worker gets it. */
const DECORATOR = 'ProcessorDecoratorService'

type Processor = (job: JobLike, ...rest: unknown[]) => unknown
interface Decorator {
  decorate(processor: Processor): Processor
}

const decorators = new WeakSet<Decorator>()

/** Attaches to every data source that the application has made a provider, by whatever name. */
export function attachDataSources(modules: ModulesContainer, audit: AuditLogger): void {
  for (const { instance } of singletons(modules)) if (instance instanceof DataSource) audit.attach(instance)
}

/** Lets the context travel from every queue to every processor. Before the workers are made: they take it as it is then. */
export function carryThroughJobs(modules: ModulesContainer, audit: AuditLogger): void {
  for (const { name, instance } of singletons(modules)) {
    if (QUEUE.test(name) && isOfBullMq(instance)) auditQueue(instance, { audit })
    if (name === DECORATOR && isDecorator(instance) && !decorators.has(instance)) {
      decorators.add(instance)
      const decorate = instance.decorate.bind(instance)
      instance.decorate = (processor) => auditProcessor(decorate(processor), { audit })
    }
  }
}

/** What lives as long as the application. Nothing is asked of objects that are not known by their name or class. */
function* singletons(modules: ModulesContainer): Generator<{ name: string; instance: unknown }> {
  for (const { providers } of modules.values()) {
    for (const [token, wrapper] of providers) {
      if (!wrapper.isDependencyTreeStatic() || wrapper.isTransient) continue
      const name = typeof token === 'function' ? token.name : String(token)
      yield { name, instance: wrapper.instance }
    }
  }
}

/** `@nestjs/bull` names its queues alike, and they add jobs in another way. */
function isOfBullMq(value: unknown): value is AddsJobs {
  const { add, addBulk, upsertJobScheduler, getFlow } = Object(value) as Record<string, unknown>
  return [add, addBulk, upsertJobScheduler ?? getFlow].every((method) => typeof method === 'function')
}

function isDecorator(value: unknown): value is Decorator {
  return typeof (Object(value) as Partial<Decorator>).decorate === 'function'
}
