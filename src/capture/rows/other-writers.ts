import type { WriteParts } from './write'

interface Connection {
  pragma(text: string, options: { simple: true }): unknown
}

const DOUBT =
  'another connection wrote between the reading of old values and the write: whether they are what was overwritten is not certain'

/**
 * Of a file of SQLite, which another connection may write to between a SELECT and the write that it was made for. The
 * connection itself is asked, so the application sees no further statement.
 *
 * @returns why what was read since then is not certain
 */
export function watchOthers({ builder, dataSource }: WriteParts): () => string | undefined {
  if (dataSource.options.type !== 'better-sqlite3') return () => undefined
  const { databaseConnection } = dataSource.driver as unknown as { databaseConnection: Connection }
  const file = builder.getMainTableName().split('.').slice(0, -1)
  const pragma = [...file.map((name) => builder.escape(name)), 'data_version'].join('.')
  const version = () => {
    try {
      return databaseConnection.pragma(pragma, { simple: true })
    } catch {
      // Another connection is writing for so long that this one may not even look.
      return Number.NaN
    }
  }
  const before = version()
  return () => (version() === before ? undefined : DOUBT)
}
