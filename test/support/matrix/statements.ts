import type { Logger } from 'typeorm'

/** Keeps the text of every statement that a data source sends. */
export class StatementLog implements Logger {
  readonly all: string[] = []

  logQuery(query: string): void {
    this.all.push(query)
  }

  /** Since the last call, without what begins and ends transactions, and what is asked once of each table. */
  take(): string[] {
    const other = /^\s*(START|BEGIN|COMMIT|ROLLBACK|SAVEPOINT|RELEASE)\b|^SELECT relkind FROM pg_class/i
    return this.all.splice(0).filter((query) => !other.test(query))
  }

  logQueryError = (): void => undefined
  logQuerySlow = (): void => undefined
  logSchemaBuild = (): void => undefined
  logMigration = (): void => undefined
  log = (): void => undefined
}
