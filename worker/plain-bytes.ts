const QUOTES = 0x22222222
const BACKSLASHES = 0x5c5c5c5c
const ONES = 0x01010101
const SPACES = 0x20202020
const HIGH_BITS = 0x80808080 | 0

/**
 * True when none of four bytes (one integer) is a quote, a backslash or a control character: those of a JSON string that
 * stand for themselves. Most of an event is such bytes, and looking at four of them takes hardly longer than at one.
 *
 * @see https://graphics.stanford.edu/~seander/bithacks.html#ZeroInWord (a byte is 0 just when subtracting 1 sets its
 * highest bit, which was not set before; below a bound likewise)
 */
export function areFourPlain(four: number): boolean {
  const quote = four ^ QUOTES
  const backslash = four ^ BACKSLASHES
  const found = ((quote - ONES) & ~quote) | ((backslash - ONES) & ~backslash) | ((four - SPACES) & ~four)
  return (found & HIGH_BITS) === 0
}
