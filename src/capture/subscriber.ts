import { DataSource, EventSubscriber } from 'typeorm'
import { zeroCodeLogger } from '../default-logger'
import { problemOf, Reports } from '../report'
import { watchMigrationsBefore } from '../switches/migrations-before'
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
  constructor() {
    super()
    // `migrationsRun` begins before any event at which this subscriber could attach.
    watchMigrationsBefore(DataSource.prototype, (dataSource) => {
      if (dataSource.subscribers.some((one) => one instanceof AuditSubscriber)) captureOf(dataSource)
    })
  }

  /**
   * Hands on only the event at which it attaches the zero-code logger, since TypeORM tells the new subscriber of later
   * ones only. Asked with every event, because an application may close that logger and go on.
   */
  protected override captureOf(event: SubscriberEvent): Capture | undefined {
    const dataSource = dataSourceOf(event)
    return dataSource && captureOf(dataSource)
  }
}

function captureOf(dataSource: DataSource): Capture | undefined {
  try {
    return implicitCapture(dataSource, () => attach(dataSource))
  } catch (error) {
    reports.report('AUDIT_ATTACH_FAILED', { problem: problemOf(error) })
    return undefined
  }
}

function attach(dataSource: DataSource): void {
  const logger = zeroCodeLogger()
  // It may think that it is attached still, when an explicit logger had taken its place.
  logger?.detach(dataSource)
  logger?.attach(dataSource)
}
