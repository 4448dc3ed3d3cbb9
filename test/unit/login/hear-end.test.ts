import { describe, expect, it } from 'vitest'
import { hearEnd } from '../../../src/login/hear-end'

/** What is heard, and what the caller hears, in order. */
function listening() {
  const heard: string[] = []
  return { heard, hear: (error: unknown) => void heard.push(`end ${String(error ?? 'well')}`) }
}

describe('the end of a function', () => {
  it('is heard by its callback, before the caller, with this, arguments and result untouched', () => {
    const { heard, hear } = listening()
    const target = { name: 'store' }
    const callback = function (this: unknown, ...results: unknown[]) {
      heard.push(`caller ${String(this === target)} ${results.join()}`)
    }
    const result = hearEnd(
      ([given, done]) => {
        Reflect.apply(done as typeof callback, target, [null, given])
        return 'result'
      },
      [5, callback],
      hear,
    )
    expect(result).toBe('result')
    expect(heard).toEqual(['end well', 'caller true ,5'])
  })

  it('is heard once, however often the callback is called', () => {
    const { heard, hear } = listening()
    const twice = ([done]: unknown[]) => {
      for (const error of [new Error('one'), undefined]) (done as (error?: Error) => void)(error)
    }
    void hearEnd(twice, [() => undefined], hear)
    expect(heard).toEqual(['end Error: one'])
  })

  it('is heard by its promise, before whoever awaits it', async () => {
    const { heard, hear } = listening()
    await Promise.resolve(hearEnd(async () => 'value', [], hear)).then((value) => heard.push(`caller ${String(value)}`))
    const failing = Promise.resolve(hearEnd(async () => Promise.reject(new Error('away')), [], hear))
    await expect(failing).rejects.toThrow('away')
    expect(heard).toEqual(['end well', 'caller value', 'end Error: away'])
  })

  it('is heard by its return or by what it throws', () => {
    const { heard, hear } = listening()
    expect(hearEnd(() => 1, [], hear)).toBe(1)
    const throwing = () => {
      throw new Error('wrong call')
    }
    expect(() => hearEnd(throwing, [], hear)).toThrow('wrong call')
    expect(heard).toEqual(['end well', 'end Error: wrong call'])
  })
})
