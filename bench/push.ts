import type { Redis } from 'ioredis'
import { loadSettings } from '../config/settings'
import { EventRecorder } from '../src/event-recorder'
import { queueKeys } from '../src/queue/keys'
import { createQueue } from '../src/queue/producer'
import type { EventQueue } from '../src/queue/queue'
import { benchOptions } from './support/options'
import { print, rowOf } from './support/report'
import { type Contender, interleave, spread } from './support/rounds'
import { sampleEvent, sampleObservation } from './support/sample'
import { benchRedis } from './support/services'

const PER_TURN = 100
/** The floor keeps this many RPUSHes under way; more makes it no faster. */
const PIPELINED = 8
const AIM = '≥ 0.7'

/** How many events a second reach the pending list, against the least that any producer must do. */
async function main(): Promise<void> {
  const options = benchOptions({ rounds: 15 })
  const count = options.quick ? 2_000 : 100_000
  const { server, redis, close } = await benchRedis()
  const settings = loadSettings({ redis: server.url }, {})
  const { pending } = queueKeys(settings.prefix)
  const queue = createQueue(settings)
  const recorder = new EventRecorder({ settings, queue, dataSources: () => [] })
  const events = Array.from({ length: count }, (_, i) => sampleEvent(i))
  const observations = events.map((_, i) => sampleObservation(i))
  const prepare = async () => void (await redis.del(pending))
  const contender = (name: string, work: () => Promise<void>): Contender => ({
    name,
    prepare,
    async run() {
      await work()
      const length = await redis.llen(pending)
      if (length !== count) throw new Error(`${name}: ${length} of ${count} events are on the list`)
      return count
    },
  })
  const rates = await interleave(
    [
      contender('floor: stringify + RPUSH of 100', () => floor(redis, pending, events, 100)),
      contender('floor: stringify + RPUSH of 1,000', () => floor(redis, pending, events, 1_000)),
      contender('stringify + queue.push', () => inTurns(queue, count, (i) => queue.push([JSON.stringify(events[i])]))),
      contender('recorder: capture + deliver', () =>
        inTurns(queue, count, (i) => {
          const observation = observations[i]
          if (observation) recorder.deliver([recorder.capture(observation)])
        }),
      ),
    ],
    options.rounds,
  )
  const [floor100, floor1000, push] = rates
  if (!floor100 || !floor1000) throw new Error('there is no floor')
  const fastest = spread(floor100.perSecond).median > spread(floor1000.perSecond).median ? floor100 : floor1000
  const bytes = Buffer.byteLength(JSON.stringify(events[0]))
  print(
    {
      bench: 'push',
      what: `${count} events of ${bytes} bytes onto the pending list, ${PER_TURN} a turn of the event loop; ${options.rounds} rounds, medians.`,
      unit: 'events/s',
      against: `the faster floor (${fastest === floor100 ? '100' : '1,000'})`,
      rows: rates.map((rate) => rowOf(rate, fastest, rate === push ? AIM : undefined)),
      quick: options.quick,
    },
    options.json,
  )
  await queue.close()
  await close()
}

/** JSON.stringify of the finished event and RPUSH of many values, the replies awaited a few requests later. */
async function floor(redis: Redis, key: string, events: readonly object[], values: number): Promise<void> {
  const underWay: Promise<number>[] = []
  for (let i = 0; i < events.length; i += values) {
    const lines = events.slice(i, i + values).map((event) => JSON.stringify(event))
    underWay.push(redis.rpush(key, ...lines))
    if (underWay.length > PIPELINED) await underWay.shift()
  }
  await Promise.all(underWay)
}

/** An application's way: some events in each turn of the event loop, and never more waiting than the buffer takes. */
async function inTurns(queue: EventQueue, count: number, push: (index: number) => void): Promise<void> {
  for (let i = 0; i < count; i += PER_TURN) {
    for (let k = i; k < Math.min(i + PER_TURN, count); k += 1) push(k)
    if (i % 20_000 === 0) await queue.flush()
    else await new Promise((resolve) => setImmediate(resolve))
  }
  await queue.flush()
}

void main()
