const PLAIN_NAME = /^(?:\.\.\.)?([\p{L}_$][\p{L}\p{N}_$]*)/u
const CLOSING: Readonly<Record<string, string>> = { '(': ')', '[': ']', '{': '}' }

/**
 * The names of a method's parameters, in order, as its source has them; undefined where one is taken apart (`{ id }`) or
 * the source does not tell. A bundler that shortens names shortens these too.
 */
export function parameterNames(method: (...values: never[]) => unknown): (string | undefined)[] {
  const source = Function.prototype.toString.call(method)
  const open = source.indexOf('(')
  if (open === -1) return []
  return split(source, open + 1).map((text) => PLAIN_NAME.exec(text)?.[1])
}

/** The parameters as they are written, up to the bracket that closes them. */
function split(source: string, start: number): string[] {
  const parameters: string[] = []
  const closers: string[] = []
  let text = ''
  for (let at = start; at < source.length; at += 1) {
    const skipped = afterCommentOrText(source, at)
    if (skipped > at) {
      at = skipped - 1
      continue
    }
    const character = source[at] as string
    if (closers.length === 0 && (character === ')' || character === ',')) {
      if (text.trim() !== '') parameters.push(text.trim())
      text = ''
      if (character === ')') return parameters
      continue
    }
    const closer = CLOSING[character]
    if (closer !== undefined) closers.push(closer)
    else if (character === closers.at(-1)) closers.pop()
    text += character
  }
  return []
}

/** Where the comment or the text that begins here ends; the same place when none does. */
function afterCommentOrText(source: string, at: number): number {
  const [first, second] = [source[at], source[at + 1]]
  if (first === '/' && second === '*') return endOf(source, source.indexOf('*/', at + 2), 2)
  if (first === '/' && second === '/') return endOf(source, source.indexOf('\n', at), 1)
  if (first !== "'" && first !== '"' && first !== '`') return at
  for (let end = at + 1; end < source.length; end += 1) {
    if (source[end] === '\\') end += 1
    else if (source[end] === first) return end + 1
  }
  return source.length
}

function endOf(source: string, found: number, length: number): number {
  return found === -1 ? source.length : found + length
}
