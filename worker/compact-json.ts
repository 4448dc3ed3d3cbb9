/** A string, unrolled so that a text without an end is given up in linear time. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: JSON allows none in a string
const STRING = /"[^"\\\u0000-\u001f]*(?:\\(?:["\\/bfnrt]|u[\da-fA-F]{4})[^"\\\u0000-\u001f]*)*"/y
// biome-ignore lint/suspicious/noControlCharactersInRegex: JSON allows none in a string
const NEEDS_CARE = /[\\\u0000-\u001f]/
const SCALAR = /true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y

const QUOTE = 0x22
const COMMA = 0x2c
const COLON = 0x3a
const OPEN_LIST = 0x5b
const CLOSE_LIST = 0x5d
const OPEN_OBJECT = 0x7b
const CLOSE_OBJECT = 0x7d

/** Deeper or longer ones are left to the parser, which does not recurse and does not backtrack. */
const MOST_DEPTH = 100
const MOST_LENGTH = 65_536

/**
 * True only for a text that is one JSON value without white space. It builds nothing and so takes a fraction of the time
 * of JSON.parse, which would be half of the time of a flush. False says nothing: the parser decides then.
 */
export function isCompactJson(text: string): boolean {
  if (text.length > MOST_LENGTH) return false
  const endOfString = NEEDS_CARE.test(text) ? endOfAnyString : endOfPlainString
  return new Walk(text, endOfString).endOfValue(0, 0) === text.length
}

/** With neither escapes nor control characters in the text, a string ends at the next quote. */
function endOfPlainString(text: string, start: number): number {
  return text.charCodeAt(start) === QUOTE ? text.indexOf('"', start + 1) + 1 || -1 : -1
}

function endOfAnyString(text: string, start: number): number {
  return endOf(STRING, text, start)
}

type EndOfString = (text: string, start: number) => number

/** Each method tells where the thing that begins at `start` ends; -1 when there is none. */
class Walk {
  readonly #text: string
  readonly #endOfString: EndOfString

  constructor(text: string, endOfString: EndOfString) {
    this.#text = text
    this.#endOfString = endOfString
  }

  endOfValue(start: number, depth: number): number {
    switch (this.#text.charCodeAt(start)) {
      case QUOTE:
        return this.#endOfString(this.#text, start)
      case OPEN_OBJECT:
        return depth < MOST_DEPTH ? this.#endOfEntries(start + 1, depth + 1, CLOSE_OBJECT) : -1
      case OPEN_LIST:
        return depth < MOST_DEPTH ? this.#endOfEntries(start + 1, depth + 1, CLOSE_LIST) : -1
      default:
        return endOf(SCALAR, this.#text, start)
    }
  }

  #endOfEntries(start: number, depth: number, close: number): number {
    const text = this.#text
    if (text.charCodeAt(start) === close) return start + 1
    for (let at = start; ; ) {
      if (close === CLOSE_OBJECT) {
        at = this.#endOfString(text, at)
        if (at === -1 || text.charCodeAt(at) !== COLON) return -1
        at += 1
      }
      at = this.endOfValue(at, depth)
      if (at === -1) return -1
      const next = text.charCodeAt(at)
      at += 1
      if (next === close) return at
      if (next !== COMMA) return -1
    }
  }
}

function endOf(token: RegExp, text: string, start: number): number {
  token.lastIndex = start
  return token.test(text) ? token.lastIndex : -1
}
