/** What can be read from the text of an INSERT that TypeORM wrote. */
export interface InsertStatement {
  /** As they stand in the text, quoted. */
  readonly columns: readonly string[]
  /** One for each row: what stands in the place of each column (`$1`, `?`, `DEFAULT`, `datetime('now')`). */
  readonly rows: readonly (readonly string[])[]
}

const HEAD = /^\s*INSERT(?:\s+(?:OR\s+)?IGNORE)?\s+INTO\s+[^\s(]+(?:\s+AS\s+[^\s(]+)?\s*\(([^()]*)\)\s+VALUES\s+/i

/** Undefined for a statement in another form, such as INSERT … SELECT. */
export function parseInsert(statement: string): InsertStatement | undefined {
  const head = HEAD.exec(statement)
  if (head === null) return undefined
  const columns = (head[1] ?? '').split(',').map((column) => column.trim())
  const rows = rowsOf(statement.slice(head[0].length))
  return rows.length > 0 && rows.every((row) => row.length === columns.length) ? { columns, rows } : undefined
}

/** Splits `(?, NULL), (?, datetime('now')) RETURNING …` at the commas that stand in no inner parentheses and no text. */
function rowsOf(text: string): string[][] {
  const rows: string[][] = []
  let depth = 0
  let start = 0
  for (let at = 0; at < text.length; at += 1) {
    const one = text[at]
    if (one === "'" || one === '"' || one === '`') {
      at = text.indexOf(one, at + 1)
      if (at === -1) return []
    } else if (one === '(') {
      depth += 1
      if (depth === 1) {
        rows.push([])
        start = at + 1
      }
    } else if (depth === 1 && (one === ',' || one === ')')) {
      rows.at(-1)?.push(text.slice(start, at).trim())
      start = at + 1
      if (one === ')') depth = 0
    } else if (one === ')') depth -= 1
    else if (depth === 0 && one !== ',' && one !== ' ') return rows
  }
  return rows
}
