import { vi } from 'vitest'
import type { Logger } from '../../config/logger'
import { type AuditLoggerOptions, loadSettings, type Settings } from '../../config/settings'
import type { AuditEvent } from '../../src/event/event'
import type { EventLine, EventQueue } from '../../src/queue/queue'
import { finishSpareTime } from '../../src/spare-time'

/** A logger that tells the test what it was given. */
export function spyLogger() {
  return { debug: vi.fn(), info: vi.fn(), warn: vi.fn(), error: vi.fn() } satisfies Logger
}

/** Settings of the test's own, untouched by the environment it runs in. */
export function settingsWith(options: AuditLoggerOptions = {}): Settings {
  return loadSettings({ logger: spyLogger(), ...options }, {})
}

/** A queue that keeps what is pushed. */
export class MemoryQueue implements EventQueue {
  readonly #pushes: (readonly EventLine[])[] = []
  closed = false

  /** Of what was captured until now. */
  get pushes(): (readonly EventLine[])[] {
    finishSpareTime()
    return this.#pushes
  }

  get events(): AuditEvent[] {
    return this.pushes.flat().map((line) => JSON.parse(line) as AuditEvent)
  }

  push(lines: readonly EventLine[]): void {
    this.#pushes.push(lines)
  }

  async flush(): Promise<void> {}

  async close(): Promise<void> {
    this.closed = true
  }
}
