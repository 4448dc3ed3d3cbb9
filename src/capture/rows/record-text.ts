/**
 * The fields of a row as PostgreSQL writes it (`ROW(…)::text`), each as the text that the database would have sent for
 * the column alone. Of https://www.postgresql.org/docs/current/rowtypes.html#ROWTYPES-IO-SYNTAX: an empty field is null,
 * in quotes a doubled quote or a backslash stands before a quote or a backslash.
 *
 * @example
 * recordFields('(1,"a ""b"", c",,"")') // ['1', 'a "b", c', null, '']
 */
export function recordFields(text: string): (string | null)[] {
  const fields: (string | null)[] = []
  const end = text.length - 1
  let at = 1
  while (at <= end) {
    let field = ''
    let quoted = false
    let given = false
    for (; at < end; at += 1) {
      const letter = text[at]
      if (!quoted && letter === ',') break
      if (letter === '\\') {
        at += 1
        field += text[at] ?? ''
      } else if (letter === '"') {
        given = true
        if (quoted && text[at + 1] === '"') {
          at += 1
          field += '"'
        } else quoted = !quoted
      } else field += letter
    }
    fields.push(field === '' && !given ? null : field)
    at += 1
  }
  return fields
}
