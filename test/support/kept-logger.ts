import type { Logger } from '../../config/logger'

/** A logger that keeps what it is told, for assertions and for silence. */
export interface KeptLogger extends Logger {
  readonly entries: { level: string; fields: Record<string, unknown>; message: string }[]
}

export function keptLogger(): KeptLogger {
  const entries: KeptLogger['entries'] = []
  const keep = (level: string) => (fields: object, message: string) => {
    entries.push({ level, fields: fields as Record<string, unknown>, message })
  }
  return { entries, debug: keep('debug'), info: keep('info'), warn: keep('warn'), error: keep('error') }
}
