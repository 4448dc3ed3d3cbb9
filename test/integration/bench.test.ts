import { describe, expect, it } from 'vitest'
import { spawnNode } from '../support/spawn-process'

interface Report {
  bench: string
  quick: boolean
  rows: { name: string; value: number; ratio?: { median: number; low: number; high: number } }[]
}

async function bench(...args: string[]): Promise<string[]> {
  const run = spawnNode('bench/run.mjs', args)
  const { code } = await run.waitForExit({ timeoutMs: 150_000 })
  expect(code, run.output).toBe(0)
  return run.stdout
}

// Small numbers on a busy machine: these say that the benchmarks run and what they print, never how fast anything is.
describe('npm run bench', () => {
  it('runs all five and prints a report of each, with a ratio', { timeout: 180_000 }, async () => {
    const lines = await bench('--quick', '--json')
    const reports = lines.map((line) => JSON.parse(line) as Report)
    expect(reports.map((report) => report.bench)).toEqual(['push', 'flush', 'save', 'memory', 'context'])
    for (const { rows, quick } of reports) {
      expect(quick).toBe(true)
      for (const { value } of rows) expect(value).toBeGreaterThan(0)
      const ratios = rows.flatMap(({ ratio }) => (ratio === undefined ? [] : [ratio]))
      expect(ratios.length).toBeGreaterThan(0)
      for (const { median, low, high } of ratios) {
        expect(low).toBeGreaterThan(0)
        expect(median).toBeGreaterThanOrEqual(low)
        expect(high).toBeGreaterThanOrEqual(median)
      }
    }
  })

  it('prints a table of the one that is named, and says when its figures mean nothing', {
    timeout: 180_000,
  }, async () => {
    const text = (await bench('push', '--quick')).join('\n')
    expect(text).toMatch(/^### push \(quick: the figures mean nothing\)/)
    expect(text).toMatch(/\| stringify \+ queue\.push +\| +[\d,]+ \| +\d\.\d\d \(\d\.\d\d to \d\.\d\d\) \| +≥ 0\.7 \|/)
  })

  it('refuses what it does not know', { timeout: 60_000 }, async () => {
    const run = spawnNode('bench/run.mjs', ['push', '--fast'])
    expect((await run.waitForExit()).code).toBe(1)
    expect(run.output).toContain('--fast')
  })
})
