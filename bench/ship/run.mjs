// A million events of 600 bytes from the pending list to an endpoint that only counts, against the bare SDK and two other
// shippers, and the memory of the worker with a large backlog: `node bench/ship/run.mjs [--quick] [--json] [--rounds n]`.
import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync } from 'node:fs'
import { cpus, loadavg, totalmem } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import {
  arrived,
  cpuOf,
  EVENT_BYTES,
  eventLine,
  HERE,
  memoryOf,
  PEERS,
  ROOT,
  require,
  start,
  startRedis,
  startSink,
  until,
} from './support.mjs'

const { values } = parseArgs({
  options: { quick: { type: 'boolean' }, json: { type: 'boolean' }, rounds: { type: 'string', default: '3' } },
})
const COUNT = values.quick ? 20_000 : 1_000_000
const LARGE = values.quick ? 40_000 : 5_000_000
/** The peers get no further in the time that the others need for everything. */
const PEER_SECONDS = values.quick ? 3 : 10
const PENDING = '{audit-logger}:pending'

/** The same event a thousand times over: only the worker looks into it, and it keeps nothing of what it saw. */
async function fill(redis, key, count) {
  const started = Date.now()
  for (let i = 0; i < count; i += 1_000) {
    const lines = Array.from({ length: Math.min(1_000, count - i) }, (_, k) =>
      eventLine(started + Math.floor((i + k) / 100)),
    )
    await redis.rpush(key, ...lines)
  }
}

async function contender(name, sinkUrl) {
  const args = [join(HERE, 'contender.mjs'), name, sinkUrl, String(COUNT), String(PEER_SECONDS)]
  const { line, child } = await start(process.execPath, args, { until: /^\{"events"/ })
  child.kill('SIGKILL')
  return JSON.parse(line)
}

/** The real command, in its own process, with its defaults: four batches in flight. */
async function worker({ redis, url, pid: redisPid }, sink, count) {
  const sinkUrl = sink.url
  const env = {
    AUDIT_LOGGER_REDIS_URL: url,
    AUDIT_LOGGER_ENDPOINT: sinkUrl,
    AUDIT_LOGGER_REGION: 'eu-central-1',
    AUDIT_LOGGER_KEY_ID: 'AKIAINVENTED',
    AUDIT_LOGGER_SECRET_ACCESS_KEY: 'invented',
    AUDIT_LOGGER_GROUP_NAME: 'audit',
    AUDIT_LOGGER_STREAM_NAME: 'shop',
    AUDIT_LOGGER_LIFECYCLE_EVENTS: 'false',
    LOG_INTERVAL: '0.01',
  }
  const { pid, child } = await start(process.execPath, [join(ROOT, 'dist/cli/main.js'), 'worker', '--json'], { env })
  await until(() => redis.hget('{audit-logger}:stats', 'lastFlush'), 'the first flush', 30_000)
  const idle = memoryOf(pid).now
  const before = await arrived(sinkUrl)
  await redis.rename('filled', PENDING)
  // From its first call on: how soon a flush begins is a matter of settings.
  await until(async () => (await arrived(sinkUrl)) > before, 'the first call', 30_000)
  const already = (await arrived(sinkUrl)) - before
  const cpu = () => [pid, redisPid, sink.pid].map(cpuOf)
  const cpuBefore = cpu()
  const started = performance.now()
  await until(
    async () => (await arrived(sinkUrl)) - before >= count && (await redis.llen(PENDING)) === 0,
    'an empty list',
    600_000,
  )
  const seconds = (performance.now() - started) / 1000
  const [ownCpu, redisCpu, sinkCpu] = cpu().map((micros, i) => (micros - cpuBefore[i]) / (count - already))
  const events = (await arrived(sinkUrl)) - before
  if (events !== count) throw new Error(`${events} of ${count} events arrived`)
  const { peak } = memoryOf(pid)
  child.removeAllListeners('exit')
  child.kill('SIGKILL')
  await redis.del('{audit-logger}:lease', '{audit-logger}:stats')
  return { events: events - already, seconds, idle, peak, cpu: ownCpu, redisCpu, sinkCpu }
}

const rate = ({ events, seconds }) => events / seconds
const median = (numbers) => numbers.toSorted((a, b) => a - b)[numbers.length >> 1]
const whole = (number) => Math.round(number).toLocaleString('en')

function installPeers() {
  mkdirSync(PEERS, { recursive: true })
  cpSync(join(HERE, 'peers/package.json'), join(PEERS, 'package.json'))
  execFileSync('npm', ['install', '--prefix', PEERS, '--no-audit', '--no-fund', '--silent'], {
    stdio: ['ignore', 'ignore', 'inherit'],
  })
}

function machine() {
  const versions = ['ioredis', '@aws-sdk/client-cloudwatch-logs'].map((name) => {
    const path = require.resolve.paths(name).map((folder) => join(folder, name, 'package.json'))
    return `${name} ${require(path.find((file) => file.startsWith(ROOT))).version}`
  })
  const redis = /v=(\S+)/.exec(execFileSync('redis-server', ['--version'], { encoding: 'utf8' }))?.[1]
  const [processor] = cpus()
  return `${new Date().toISOString().slice(0, 10)}; ${cpus().length} × ${processor.model}, ${Math.round(totalmem() / 1024 ** 3)} GB, load ${loadavg()[0].toFixed(1)}; Node ${process.versions.node}, Redis ${redis}, ${versions.join(', ')}`
}

process.setMaxListeners(0)
execFileSync(process.execPath, [join(ROOT, 'scripts/build.mjs'), '--if-changed'], { stdio: 'inherit' })
installPeers()
const [place, sink] = await Promise.all([startRedis(), startSink()])
const { redis } = place
await fill(redis, 'kept', COUNT)
const contenders = {
  sdk: () => contender('sdk', sink.url),
  async worker() {
    await redis.copy('kept', 'filled')
    return worker(place, sink, COUNT)
  },
  winston: () => contender('winston', sink.url),
  pino: () => contender('pino', sink.url),
}
// The machine's speed changes from minute to minute: ratios are taken within a round, forwards and backwards by turns.
const results = { sdk: [], worker: [], winston: [], pino: [] }
for (let round = 0; round < Number(values.rounds); round += 1) {
  const order = Object.keys(contenders)
  for (const name of round % 2 === 0 ? order : order.reverse()) results[name].push(await contenders[name]())
}

for (let part = 0; part < LARGE / COUNT; part += 1) {
  // In slices inside Redis: sending five million lines again would take longer than shipping them.
  const slice = "local all = redis.call('LRANGE', KEYS[1], ARGV[1], ARGV[2]) redis.call('RPUSH', KEYS[2], unpack(all))"
  for (let i = 0; i < COUNT; i += 5_000) await redis.eval(slice, 2, 'kept', 'filled', i, i + 4_999)
}
await redis.del('kept')
const large = await worker(place, sink, LARGE)
place.close()
sink.close()

const rows = [
  ['bare SDK, four sends in parallel', 'sdk', ''],
  ['audit-logger worker, from the pending list', 'worker', '≥ 0.75'],
  ['winston-cloudwatch 6.3.0, uploadRate 1', 'winston', ''],
  ['@serdnam/pino-cloudwatch-transport 1.0.4', 'pino', ''],
].map(([title, name, aim]) => {
  const span = (ratioOf) => {
    const ratios = results[name].map((each, round) => ratioOf(each, results.sdk[round]))
    return `${median(ratios).toFixed(2)} (${Math.min(...ratios).toFixed(2)} to ${Math.max(...ratios).toFixed(2)})`
  }
  return [
    title,
    whole(median(results[name].map(rate))),
    span((each, sdk) => rate(each) / rate(sdk)),
    aim,
    median(results[name].map(({ cpu }) => cpu)).toFixed(1),
    span((each, sdk) => sdk.cpu / each.cpu),
  ]
})
const processor = (field) => median(results.worker.map((each) => each[field])).toFixed(1)
const memory = [
  ['worker, nothing pending', results.worker[0].idle],
  [`worker, ${whole(COUNT)} pending`, Math.max(...results.worker.map(({ peak }) => peak))],
  [`worker, ${whole(LARGE)} pending`, large.peak],
]
if (values.json) {
  console.log(JSON.stringify({ bench: 'ship', quick: values.quick ?? false, results, large, machine: machine() }))
} else {
  console.log(`### ship${values.quick ? ' (quick: the figures mean nothing)' : ''}

${whole(COUNT)} events of ${EVENT_BYTES} bytes to an endpoint that only counts, each contender in a process of its own, the peers for ${PEER_SECONDS} s at most; ${values.rounds} rounds, medians, ratios within a round.

| | events/s | ratio to the bare SDK | aim | CPU µs each | CPU ratio |
| --- | ---: | ---: | ---: | ---: | ---: |
${rows.map((cells) => `| ${cells.join(' | ')} |`).join('\n')}

| resident memory, the kernel's high-water mark | MB | aim |
| --- | ---: | ---: |
${memory.map(([name, megabytes]) => `| ${name} | ${megabytes.toFixed(0)} | ≤ 150 |`).join('\n')}

${whole(LARGE)} events were shipped at ${whole(rate(large))} a second. Beside the worker, Redis took ${processor('redisCpu')} and the endpoint ${processor('sinkCpu')} µs of CPU for an event. ${machine()}`)
}
process.exit(0)
