import { describe, expect, it } from 'vitest'
import { Faults } from '../../../local/cloudwatch/faults'

describe('the script of faults', () => {
  it('is empty at first', () => {
    const faults = new Faults()
    expect(faults.take('PutLogEvents', {})).toBeUndefined()
    expect(faults.pending).toBe(0)
  })

  it('numbers the calls of each operation from 1, also those that pass', () => {
    const faults = new Faults()
    const seen: [string, number][] = []
    faults.when('*', ({ operation, number }) => seen.push([operation, number]) === 0, { kind: 'throttle' })
    for (const operation of ['PutLogEvents', 'GetLogEvents', 'PutLogEvents']) faults.take(operation, {})
    expect(seen).toEqual([
      ['PutLogEvents', 1],
      ['GetLogEvents', 1],
      ['PutLogEvents', 2],
    ])
  })

  it('is asked in the order it was written', () => {
    const faults = new Faults()
    faults.next('PutLogEvents', { kind: 'throttle' })
    faults.always('PutLogEvents', { kind: 'internal' })
    const kinds = Array.from({ length: 3 }, () => faults.take('PutLogEvents', {})?.kind)
    expect(kinds).toEqual(['throttle', 'internal', 'internal'])
  })

  it('ends a rule after its number of times', () => {
    const faults = new Faults()
    faults.when('PutLogEvents', () => true, { kind: 'html' }, 2)
    faults.when('PutLogEvents', () => true, { kind: 'hang' }, 0)
    expect(faults.pending).toBe(2)
    const kinds = Array.from({ length: 3 }, () => faults.take('PutLogEvents', {})?.kind)
    expect(kinds).toEqual(['html', 'html', undefined])
  })

  it('mixes by probability: never at 0, always at 1, each of the faults now and then', () => {
    const draw = (probability: number) => {
      const faults = new Faults()
      faults.random({ seed: 7, probability, faults: [{ kind: 'throttle' }, { kind: 'hangAfter' }] })
      return Array.from({ length: 400 }, () => faults.take('PutLogEvents', {})?.kind)
    }
    expect(new Set(draw(0))).toEqual(new Set([undefined]))
    expect(new Set(draw(1))).toEqual(new Set(['throttle', 'hangAfter']))
    const failed = draw(0.25).filter(Boolean).length
    expect(failed).toBeGreaterThan(60)
    expect(failed).toBeLessThan(140)
  })
})
