import { type DataSource, EventSubscriber } from 'typeorm'
import { zeroCodeLogger } from '../default-logger'
import { problemOf, Reports } from '../report'
import { implicitCapture } from './attach'
import type { Capture } from './capture'
import { CaptureSubscriber } from './capture-subscriber'
import { dataSourceOf, type SubscriberEvent } from './typeorm'

const reports = new Reports()

/**
 * Captures the changes of a data source with the settings of the environment, without any code. An `AuditLogger` that
 * is attached to the same data source wins: each change is recorded once.
 *
 * @example
 * new DataSource({ …, subscribers: [AuditSubscriber] })
 */
@EventSubscriber()
export class AuditSubscriber extends CaptureSubscriber {
  /**
   * Hands on only the event at which it attaches the zero-code logger, since TypeORM tells the new subscriber of later
   * ones only. Asked with every event, because an application may close that logger and go on.
   */
  protected override captureOf(event: SubscriberEvent): Capture | undefined {
    const dataSource = dataSourceOf(event)
    try {
      return dataSource && implicitCapture(dataSource, () => attach(dataSource))
    } catch (error) {
      reports.report('AUDIT_ATTACH_FAILED', { problem: problemOf(error) })
      return undefined
    }
  }
}

function attach(dataSource: DataSource): void {
  const logger = zeroCodeLogger()
  // It may think that it is attached still, when an explicit logger had taken its place.
  logger?.detach(dataSource)
  logger?.attach(dataSource)
}
