import { describe, expect, it } from 'vitest'
import { compilePattern } from '../../../local/cloudwatch/filter-pattern'

describe('a filter pattern', () => {
  it('matches everything when absent', () => {
    expect(compilePattern(undefined)('anything')).toBe(true)
    expect(compilePattern('  ')('')).toBe(true)
  })

  it('looks into JSON by path, with the type of the value', () => {
    const message = '{"user":{"pk":"7"},"n":-1.5,"list":[1]}'
    expect(compilePattern('{ $.user.pk = "7" }')(message)).toBe(true)
    expect(compilePattern('{ $.user.pk = 7 }')(message)).toBe(false)
    expect(compilePattern('{ $.n = -1.5 }')(message)).toBe(true)
    expect(compilePattern('{ $.user.none.deeper = "7" }')(message)).toBe(false)
  })

  it('matches no text that is not JSON by path', () => {
    for (const message of ['{broken', 'text', 'null', '"user"', '7']) {
      expect(compilePattern('{ $.user = "7" }')(message)).toBe(false)
    }
  })

  it.each(['?a ?b', '-word', '[a, b]', '{ $.a = "1" && $.b = "2" }', '{ $.a != 1 }', '%regex%', '"half'])(
    'refuses what it does not know rather than guess: %s',
    (pattern) => {
      expect(() => compilePattern(pattern)).toThrow(/Invalid filter pattern/)
    },
  )
})
