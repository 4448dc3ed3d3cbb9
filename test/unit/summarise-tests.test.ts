import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { ROOT } from '../support/spawn-process'
import { removeDirectory, temporaryDirectory } from '../support/temp-directory'

let directory: string
beforeAll(() => {
  directory = temporaryDirectory('reports')
})
afterAll(() => removeDirectory(directory))

function report(name: string, passed: number, failed: number, files: object[] = []): string {
  const path = join(directory, `${name}.json`)
  const counts = { numPassedTests: passed, numFailedTests: failed, numPendingTests: 0, numTodoTests: 0 }
  writeFileSync(path, JSON.stringify({ ...counts, testResults: files }))
  return path
}

function summarise(...paths: string[]): { last: string | undefined; ok: boolean } {
  const script = join(ROOT, 'scripts/summarise-tests.mjs')
  const lastLine = (output: string) => output.trimEnd().split('\n').at(-1)
  try {
    const output = execFileSync(process.execPath, [script, ...paths], { encoding: 'utf8', stdio: 'pipe' })
    return { last: lastLine(output), ok: true }
  } catch (error) {
    return { last: lastLine((error as { stdout: string }).stdout), ok: false }
  }
}

test('adds up the runs', () => {
  expect(summarise(report('a', 10, 0), report('b', 12, 0))).toEqual({ last: '22 passed, 0 failed', ok: true })
})

test('one failed test in one run fails the whole', () => {
  expect(summarise(report('a', 10, 0), report('b', 11, 1))).toEqual({ last: '21 passed, 1 failed', ok: false })
})

test('a file that could not be loaded counts as a failure though no test of it failed', () => {
  const file = { status: 'failed', assertionResults: [] }
  expect(summarise(report('a', 10, 0, [file]))).toEqual({ last: '10 passed, 1 failed', ok: false })
})

test('a run that left no report is a failure, and so is one without tests', () => {
  const missing = join(directory, 'none.json')
  expect(summarise(report('a', 10, 0), missing)).toEqual({ last: '10 passed, 1 failed', ok: false })
  expect(summarise(report('empty', 0, 0))).toEqual({ last: '0 passed, 0 failed', ok: false })
})
