// What the benchmark and its contenders share: the machine's side of things, and the event.
import { spawn } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

export const HERE = dirname(fileURLToPath(import.meta.url))
export const ROOT = join(HERE, '..', '..')
export const PEERS = join(ROOT, '.cache', 'bench-peers')
export const require = createRequire(join(ROOT, 'package.json'))

const { Redis } = require('ioredis')
const { v7 } = require('uuid')

export const EVENT_BYTES = 600
/** As CloudWatch counts: 26 bytes more for each event, 1 MiB a call. */
export const EVENTS_PER_CALL = Math.floor(1_048_576 / (EVENT_BYTES + 26))

/** A line of the pending list of exactly EVENT_BYTES, as the package writes it. */
export function eventLine(at = Date.now()) {
  const event = { v: 1, id: v7(), date: new Date(at).toISOString(), action: 'OBJ_UPDATE', content: { padding: '' } }
  const bare = JSON.stringify(event).length
  event.content.padding = 'x'.repeat(EVENT_BYTES - bare)
  return JSON.stringify(event)
}

/** Starts a program that ends with this one; resolves with its first line on stdout that matches. */
export async function start(command, args, { env = {}, until } = {}) {
  const options = {
    env: { PATH: process.env.PATH, HOME: process.env.HOME, NODE_NO_WARNINGS: '1', ...env },
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  }
  const child = spawn(command, args, options)
  process.once('exit', () => child.kill('SIGKILL'))
  let text = ''
  const line = await new Promise((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`${command} ${args.join(' ')} ended with ${code}\n${text}`)))
    if (until === undefined) resolve(undefined)
    child.stdout.on('data', (piece) => {
      text += piece
      const found = until && text.split('\n').find((each) => until.test(each))
      if (found) resolve(found)
    })
  })
  return { child, line, pid: child.pid }
}

export async function startRedis() {
  const port = randomInt(20_000, 32_000)
  const directory = mkdtempSync(join(tmpdir(), 'bench-ship-'))
  const args = ['--port', port, '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', directory].map(
    String,
  )
  const { child, pid } = await start('redis-server', args, { until: /Ready to accept connections/ })
  const url = `redis://127.0.0.1:${port}`
  const redis = new Redis(url)
  return {
    url,
    redis,
    pid,
    close() {
      redis.disconnect()
      child.kill('SIGKILL')
      rmSync(directory, { recursive: true, force: true })
    },
  }
}

/** The local endpoint that only reads and counts, in a process of its own. */
export async function startSink() {
  const script = join(ROOT, 'dist/local/cloudwatch/main.js')
  const { child, line, pid } = await start(process.execPath, [script, '--sink'], { until: /^\{"url"/ })
  const { url } = JSON.parse(line)
  return { url, pid, close: () => child.kill('SIGTERM') }
}

/** How many events have come in so far. */
export async function arrived(sinkUrl) {
  return (await (await fetch(`${sinkUrl}/_local/counts`)).json()).events
}

export async function until(condition, what, timeoutMs) {
  const deadline = performance.now() + timeoutMs
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`gave up waiting for ${what}`)
    await delay(10)
  }
}

/** CPU time of a process so far in microseconds, as exact as the kernel's clock tick of 10 ms. */
export function cpuOf(pid) {
  // The second field is the name in brackets, which may hold anything.
  const [, ...fields] = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1).split(' ')
  return (Number(fields[10]) + Number(fields[11])) * 10_000
}

/** What a process holds now and the most it ever held, in MB. */
export function memoryOf(pid) {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  const megabytes = (field) => Number(new RegExp(`${field}:\\s+(\\d+) kB`).exec(status)?.[1]) / 1024
  return { now: megabytes('VmRSS'), peak: megabytes('VmHWM') }
}
