import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { GUARD_SCRIPT } from '../../support/guard'
import { spawnNode, spawnProcess } from '../../support/spawn-process'
import { removeDirectory, temporaryDirectory } from '../../support/temp-directory'
import { waitFor } from '../../support/wait-for'

let directory: string
beforeEach(() => {
  directory = temporaryDirectory('spawn')
})
afterEach(() => removeDirectory(directory))

const node = (code: string, env: Record<string, string> = {}) => spawnProcess(process.execPath, ['-e', code], { env })
const FOREVER = 'setInterval(() => {}, 1000)'

test('collects both streams as lines, the last one without a newline too', async () => {
  const child = node(
    `console.log('one\\ntwo'); process.stdout.write('three'); console.error('oops'); process.exitCode = 3`,
  )
  expect(await child.waitForExit()).toEqual({ code: 3, signal: null })
  expect(child.stdout).toEqual(['one', 'two', 'three'])
  expect(child.stderr).toEqual(['oops'])
  expect(child.running).toBe(false)
})

test('a line waited for may be printed already, or later', async () => {
  const child = node(`console.log('first'); setTimeout(() => console.log('ready on 1234'), 50); ${FOREVER}`)
  expect(await child.waitForLine(/ready on (\d+)/)).toBe('ready on 1234')
  expect(await child.waitForLine(/first/)).toBe('first')
  expect(await child.kill()).toEqual({ code: null, signal: 'SIGKILL' })
})

test('a program that ends without the line fails the wait with everything it printed', async () => {
  const child = node(`console.error('no such host'); process.exit(1)`)
  await expect(child.waitForLine(/ready/)).rejects.toThrow(
    /Ended .*"code":1.*without a line like \/ready\/[\s\S]*no such host/,
  )
})

test('a program that is not installed is named, with the remedy', () => {
  expect(() => spawnProcess('no-such-program', [])).toThrow(/no-such-program installed\? See npm run services/)
})

test("a developer's own AWS and AUDIT_LOGGER variables do not reach the program", async () => {
  process.env.AUDIT_LOGGER_GROUP_NAME = 'mine'
  const child = node('console.log(JSON.stringify(process.env))', { GIVEN: 'yes' })
  await child.waitForExit()
  delete process.env.AUDIT_LOGGER_GROUP_NAME
  const seen = JSON.parse(child.stdout[0] ?? '{}')
  expect(seen).toMatchObject({ GIVEN: 'yes', PATH: process.env.PATH })
  expect(seen).not.toHaveProperty('AUDIT_LOGGER_GROUP_NAME')
})

test('when the test process is killed, what it started goes too, and its directory', async () => {
  const guarded = temporaryDirectory('guarded')
  writeFileSync(join(guarded, 'data'), '')
  // A test process in small: plain Node, because it is killed; the guard is the same shell script.
  const script = join(directory, 'parent.mjs')
  writeFileSync(
    script,
    `import { spawn } from 'node:child_process'
    const child = spawn(process.execPath, ['-e', ${JSON.stringify(FOREVER)}], { detached: true, stdio: 'ignore' })
    spawn('sh', ['-c', ${JSON.stringify(GUARD_SCRIPT)}, 'guard', String(child.pid), 'TERM', ${JSON.stringify(guarded)}],
      { stdio: ['pipe', 'ignore', 'ignore'], detached: true })
    console.log(child.pid)
    ${FOREVER}`,
  )
  const parent = spawnNode(script)
  const pid = Number(await parent.waitForLine(/^\d+$/))
  expect(isAlive(pid)).toBe(true)
  await parent.kill('SIGKILL')
  await waitFor(() => !isAlive(pid) && !existsSync(guarded), { what: 'the orphan and its directory to be gone' })
})

/** A zombie that nobody has reaped yet counts as gone: containers often have no init that reaps. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
  } catch {
    return false
  }
  const stat = `/proc/${pid}/stat`
  return !existsSync(stat) || !/\) Z /.test(readFileSync(stat, 'utf8'))
}
