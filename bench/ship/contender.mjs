// One contender in a process of its own: `node contender.mjs <name> <sink url> <events> <seconds>`. Sends events of 600
// bytes until all have arrived or the time is over, and prints {"events":…,"seconds":…,"cpu":…},
// the last in microseconds of CPU time for one event.
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { arrived, EVENTS_PER_CALL, eventLine, PEERS, require } from './support.mjs'

const [name, endpoint, count, seconds] = process.argv.slice(2)
const credentials = { accessKeyId: 'AKIAINVENTED', secretAccessKey: 'invented' }
const region = 'eu-central-1'
const names = { logGroupName: 'audit', logStreamName: `${name}-${process.pid}` }
const peers = createRequire(join(PEERS, 'package.json'))

/** Nothing but the calls, four at once, each with what it may carry. */
async function sdk() {
  const { CloudWatchLogsClient, PutLogEventsCommand } = require('@aws-sdk/client-cloudwatch-logs')
  const client = new CloudWatchLogsClient({ region, endpoint, credentials, maxAttempts: 1 })
  const logEvents = Array.from({ length: EVENTS_PER_CALL }, () => ({ timestamp: Date.now(), message: eventLine() }))
  let left = Number(count)
  const sender = async () => {
    while (left > 0) {
      const mine = logEvents.slice(0, left)
      left -= mine.length
      await client.send(new PutLogEventsCommand({ ...names, logEvents: mine }))
    }
  }
  await Promise.all([sender(), sender(), sender(), sender()])
}

/** As fast as it lets itself be set: its default of one call in two seconds would measure only that. */
async function winston() {
  const { createLogger } = peers('winston')
  const CloudWatch = peers('winston-cloudwatch')
  const awsOptions = { region, endpoint, credentials, maxAttempts: 1 }
  const transport = new CloudWatch({ ...names, awsOptions, uploadRate: 1, messageFormatter: ({ message }) => message })
  const logger = createLogger({ transports: [transport] })
  await feed((line) => logger.info(line))
}

/** Through pino's worker thread, as it is meant to be used. The endpoint can only be told through the environment. */
async function pino() {
  process.env.AWS_ENDPOINT_URL = endpoint
  const target = peers.resolve('@serdnam/pino-cloudwatch-transport')
  const options = {
    ...names,
    awsRegion: region,
    awsAccessKeyId: credentials.accessKeyId,
    awsSecretAccessKey: credentials.secretAccessKey,
  }
  const make = peers('pino')
  const transport = make.transport({ target, options })
  const logger = make({ base: null }, transport)
  await feed((line) => logger.info(line))
}

/** Neither has backpressure: what is ahead of the sink is bounded here, in favour of those that sort all they hold. */
async function feed(log) {
  const ahead = 4 * EVENTS_PER_CALL
  const deadline = performance.now() + Number(seconds) * 1000
  const line = eventLine()
  let fed = 0
  for (let done = 0; done < Number(count) && performance.now() < deadline; done = (await arrived(endpoint)) - before) {
    const most = Math.min(Number(count), done + ahead)
    for (; fed < most; fed += 1) log(line)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

const before = await arrived(endpoint)
const cpu = process.cpuUsage()
const started = performance.now()
await { sdk, winston, pino }[name]()
const elapsed = (performance.now() - started) / 1000
const events = (await arrived(endpoint)) - before
const { user, system } = process.cpuUsage(cpu)
console.log(JSON.stringify({ events, seconds: elapsed, cpu: (user + system) / events }))
process.exit(0)
