import { v7 } from 'uuid'
import type { AuditLoggerOptions } from '../../config/settings'
import type { LocalCloudWatch } from '../../local/cloudwatch'
import { type AuditWorker, startWorker } from '../../worker'
import { type KeptLogger, keptLogger } from './kept-logger'
import { GROUP, STREAM } from './processes'

/** Workers of one test, each as if in a process of its own, with a lease and waits that suit a local endpoint. */
export class TestFleet {
  readonly logger: KeptLogger = keptLogger()
  readonly #options: AuditLoggerOptions
  readonly #workers: AuditWorker[] = []

  constructor(redis: AuditLoggerOptions['redis'], endpoint: LocalCloudWatch, options: AuditLoggerOptions = {}) {
    endpoint.ensure(GROUP, STREAM)
    this.#options = {
      redis,
      endpoint: endpoint.url,
      region: 'eu-central-1',
      credentials: { accessKeyId: 'AKIALOCAL', secretAccessKey: 'local-secret' },
      groupName: GROUP,
      streamName: STREAM,
      logInterval: 60,
      lifecycleEvents: false,
      logger: this.logger,
      worker: { leaseMs: 1_500, requestTimeoutMs: 1_000, reconcileWaitsMs: [20, 150], patienceMs: 20_000 },
      ...options,
    }
  }

  async start(options: AuditLoggerOptions = {}): Promise<AuditWorker> {
    const worker = await startWorker({ ...this.#options, ...options })
    this.#workers.push(worker)
    return worker
  }

  /** The fields of every line that was logged with this code. */
  coded(code: string): Record<string, unknown>[] {
    return this.logger.entries.filter(({ fields }) => fields.code === code).map(({ fields }) => fields)
  }

  async close(): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.close()))
  }
}

/** The line of an event about one row, with a number that says where it belongs in the history of the row. */
export function rowLine(model: string, pk: string | number, n: number, bytes = 0): string {
  const date = new Date().toISOString()
  const instance = { model, pk: String(pk), fields: [], timestamp: date }
  const content = { n, padding: 'x'.repeat(bytes) }
  return JSON.stringify({ v: 1, id: v7(), date, action: 'OBJ_UPDATE', instance, content })
}
