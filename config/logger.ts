import pino from 'pino'

/** The part of pino's interface that this package uses; any logger of that shape will do. */
export interface Logger {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

/** JSON lines on stderr: stdout belongs to the application, and to the answers of the commands. */
export function defaultLogger(level: 'info' | 'warn' | 'silent'): Logger {
  return pino({ name: 'audit-logger', level }, pino.destination({ dest: 2, sync: true }))
}
