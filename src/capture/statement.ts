/** What a statement does to the transaction it stands in. */
export type Control =
  | { kind: 'begin'; trusted: boolean }
  | { kind: 'commit' | 'rollback'; chain: boolean }
  | { kind: 'savepoint' | 'release' | 'rollbackTo'; name: string }
  | { kind: 'prepare' }

/** Skipped before the first word: blanks and comments (a route, say, that a tracing library puts there). */
const LEAD = /^(?:\s+|\/\*[\s\S]*?\*\/|--[^\n]*(?:\n|$))+/
const NAME = '("(?:[^"]|"")+"|`[^`]+`|\\[[^\\]]+\\]|[^\\s;]+)'
const BEGIN = /^(?:begin(?!\s+not\s+atomic)|start\s+transaction|xa\s+(?:start|begin))\b/i
const END = /^(commit|end|rollback|abort|xa\s+commit|xa\s+rollback)\b(?!\s+prepared)/i
const ROLLBACK_TO = new RegExp(`^rollback\\b(?:\\s+(?:work|transaction))?\\s+to\\s+(?:savepoint\\s+)?${NAME}`, 'i')
const SAVEPOINT = new RegExp(`^savepoint\\s+${NAME}`, 'i')
const RELEASE = new RegExp(`^release\\s+(?:savepoint\\s+)?${NAME}`, 'i')
const CHAIN = /\band\s+chain\b/i
const PREPARE = /^prepare\s+transaction\b/i
/** What may stand around a semicolon that ends no statement: texts, names, comments, dollar quotes. */
const PIECES = /'(?:[^']|'')*'|"(?:[^"]|"")*"|`[^`]*`|--[^\n]*|\/\*[\s\S]*?\*\/|\$(\w*)\$[\s\S]*?\$\1\$|;/g

/** A function of PostgreSQL whose body has statements, and an END of its own. */
const BODY = /^create\b.*\bbegin\s+atomic\b/is

const NONE: readonly Control[] = []

/** Behind what begins a transaction that is no one's but this package's, around what is one write to everyone else. */
export const OWN = ' /* typeorm-audit-logger */'

/** How a compound statement of this package begins (MariaDB): what it begins, it ends, or the server's status tells. */
export const COMPOUND = `BEGIN NOT ATOMIC${OWN} `

/** What TypeORM itself sends around every save(), read once. */
const USUAL: ReadonlyMap<string, readonly (Control | undefined)[]> = new Map(
  ['START TRANSACTION', 'BEGIN TRANSACTION', 'COMMIT', 'ROLLBACK'].map((query) => [query, readControls(query)]),
)

/**
 * The transaction control in a query, statement by statement; undefined stands for a statement that controls nothing.
 * Cheap for the rest: it looks at the first letters, and further only where they are those of a control word.
 *
 * @example
 * controlsIn('ROLLBACK TO SAVEPOINT typeorm_1') // [{ kind: 'rollbackTo', name: 'typeorm_1' }]
 */
export function controlsIn(query: string): readonly (Control | undefined)[] {
  if (query.startsWith(COMPOUND)) return NONE
  return (query.length < 18 && USUAL.get(query)) || readControls(query)
}

function readControls(query: string): readonly (Control | undefined)[] {
  const end = query.indexOf(';')
  if (end === -1 || end === query.length - 1) {
    const control = mayControl(query) ? controlOf(query) : undefined
    return control === undefined ? NONE : [control]
  }
  if (BODY.test(query.replace(LEAD, ''))) return NONE
  const statements = split(query)
  const controls = statements.map((statement) => controlOf(statement))
  return controls.some((control) => control !== undefined) ? controls : NONE
}

function mayControl(query: string): boolean {
  switch (query.charCodeAt(0) | 0x20) {
    case 0x62: // begin
    case 0x63: // commit
    case 0x72: // rollback, release
    case 0x61: // abort
    case 0x65: // end
    case 0x70: // prepare transaction
    case 0x78: // xa
      return true
    case 0x73: // savepoint, start; not SELECT and SET, which are most of what an application sends
      return (query.charCodeAt(1) | 0x20) !== 0x65
    case 0x69: // insert
    case 0x75: // update
    case 0x64: // delete
    case 0x77: // with
      return false
    default: // blanks and comments first
      return LEAD.test(query)
  }
}

function controlOf(statement: string): Control | undefined {
  const text = statement.replace(LEAD, '')
  if (BEGIN.test(text)) return { kind: 'begin', trusted: !/^xa/i.test(text) }
  if (PREPARE.test(text)) return { kind: 'prepare' }
  const to = ROLLBACK_TO.exec(text)
  if (to) return { kind: 'rollbackTo', name: plain(to[1]) }
  const savepoint = SAVEPOINT.exec(text)
  if (savepoint) return { kind: 'savepoint', name: plain(savepoint[1]) }
  const release = RELEASE.exec(text)
  if (release) return { kind: 'release', name: plain(release[1]) }
  const word = END.exec(text)?.[1]?.toLowerCase()
  if (word === undefined) return undefined
  return { kind: /commit|end/.test(word) ? 'commit' : 'rollback', chain: CHAIN.test(text) }
}

/** Databases take savepoint names without regard to case or quotes, or nearly so. */
function plain(name = ''): string {
  return name.replace(/^["`[]|["`\]]$/g, '').toLowerCase()
}

function split(query: string): string[] {
  const statements: string[] = []
  let start = 0
  for (const piece of query.matchAll(PIECES)) {
    if (piece[0] !== ';') continue
    statements.push(query.slice(start, piece.index))
    start = piece.index + 1
  }
  statements.push(query.slice(start))
  return statements.filter((statement) => statement.replace(LEAD, '') !== '')
}
