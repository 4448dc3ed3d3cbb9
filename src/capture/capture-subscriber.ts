import type { EntitySubscriberInterface } from 'typeorm'
import type { Capture } from './capture'
import type { QueryResultEvent } from './frames'
import type { SubscriberEvent } from './typeorm'
import type { WriteEvent } from './writes'

/**
 * A subscriber that hands every event to a capture. Only hooks that run after a write: the ones before it make TypeORM
 * compute its changes a second time. Nothing is returned, so TypeORM waits for nothing.
 */
export abstract class CaptureSubscriber implements EntitySubscriberInterface {
  /** The capture to hand the event to, if any. */
  protected abstract captureOf(event: SubscriberEvent): Capture | undefined

  afterInsert(event: WriteEvent): void {
    this.captureOf(event)?.inserted(event)
  }

  afterUpdate(event: WriteEvent): void {
    this.captureOf(event)?.updated(event)
  }

  afterRemove(event: WriteEvent): void {
    this.captureOf(event)?.removed(event)
  }

  afterSoftRemove(event: WriteEvent): void {
    this.captureOf(event)?.softRemoved(event)
  }

  afterRecover(event: WriteEvent): void {
    this.captureOf(event)?.recovered(event)
  }

  afterQuery(event: QueryResultEvent): void {
    this.captureOf(event)?.queried(event)
  }

  /** The last moment at which `strict` can refuse. */
  beforeTransactionCommit(event: SubscriberEvent): void {
    this.captureOf(event)?.checkStrict(event.queryRunner)
  }

  afterTransactionCommit(event: SubscriberEvent): void {
    this.captureOf(event)?.transactionEnded(event, 'committed')
  }

  afterTransactionRollback(event: SubscriberEvent): void {
    this.captureOf(event)?.transactionEnded(event, 'rolled back')
  }
}
