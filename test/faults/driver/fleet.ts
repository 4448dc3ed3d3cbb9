import { setTimeout as delay } from 'node:timers/promises'
import type { Redis } from 'ioredis'
import type { WorkerSettings } from '../../../config/settings'
import type { LocalCloudWatch } from '../../../local/cloudwatch'
import { queueKeys } from '../../../src/queue/keys'
import type { Step } from '../../../worker/step'
import { Dice } from './dice'
import type { Disturbance, Plan } from './plan'
import { SimulatedWorker } from './simulated-worker'
import { calm } from './weather'

/** So short that a worker that is gone is followed at once; every call is shorter still. */
export const LEASE_MS = 500

export interface Place {
  readonly redis: Redis
  readonly redisPort: number
}

/** The workers of a run. One that is killed is followed by a new one, as an orchestrator does it. */
export class Fleet {
  readonly met = { crashes: 0, cutOffs: 0, lostReplies: 0 }
  readonly #plan: Plan
  readonly #settings: WorkerSettings
  readonly #place: Place
  readonly #endpoint: LocalCloudWatch
  readonly #dice: Dice
  readonly #steps = new Map<Step, number>()
  readonly #due: Set<Disturbance>
  readonly #workers = new Set<SimulatedWorker>()
  readonly #thaws = new Set<Promise<unknown>>()
  readonly #loops: Promise<void>[] = []
  #calm = false
  #closed: Promise<void> | undefined
  #closing = false

  constructor(plan: Plan, settings: WorkerSettings, place: Place, endpoint: LocalCloudWatch) {
    this.#plan = plan
    this.#settings = settings
    this.#place = place
    this.#endpoint = endpoint
    this.#dice = new Dice(plan.seed + 1)
    this.#due = new Set(plan.disturbances)
  }

  async start(): Promise<void> {
    for (let i = 0; i < this.#plan.workers; i += 1) this.#loops.push(this.#work(await this.#hire()))
  }

  /** No more faults, cuts and crashes; what has happened has happened. */
  calm(): void {
    this.#calm = true
    calm(this.#endpoint, this.#plan)
    for (const worker of this.#workers) worker.calm()
  }

  close(): Promise<void> {
    this.#closing = true
    this.#closed ??= (async () => {
      await Promise.all(this.#thaws)
      const ended = Promise.all(this.#loops).then(() => Promise.all([...this.#workers].map((worker) => worker.close())))
      await within(20_000, ended, `the workers do not end (seed ${this.#plan.seed})`)
      for (const { redisLink, endpointLink } of this.#workers)
        this.met.lostReplies += redisLink.cuts + endpointLink.cuts
    })()
    return this.#closed
  }

  async #hire(): Promise<SimulatedWorker> {
    const worker = await SimulatedWorker.start({
      settings: this.#settings,
      redisPort: this.#place.redisPort,
      endpointPort: this.#endpoint.port,
      dice: this.#dice,
      cutReplies: this.#calm ? 0 : this.#plan.cutReplies,
      onStep: (step, by) => this.#disturb(step, by),
    })
    this.#workers.add(worker)
    return worker
  }

  async #work(first: SimulatedWorker): Promise<void> {
    let worker = first
    while (!this.#closing) {
      const summary = await worker.flush()
      if (summary === 'crashed') worker = await this.#hire()
      else if (summary.outcome === 'waiting' && this.#calm) await this.#closeBreaker()
      else await delay(summary.outcome === 'ok' ? 5 : 20)
    }
  }

  /** In good weather too it would stay open for up to a minute, which is right and takes too long. */
  async #closeBreaker(): Promise<void> {
    await this.#place.redis.hdel(queueKeys(this.#settings.prefix).lease, 'breaker', 'failures', 'openUntil')
  }

  #disturb(step: Step, worker: SimulatedWorker): void {
    const count = (this.#steps.get(step) ?? 0) + 1
    this.#steps.set(step, count)
    if (this.#calm) return
    for (const disturbance of this.#due) {
      if (disturbance.step !== step || disturbance.nth > count) continue
      this.#due.delete(disturbance)
      if (disturbance.kind === 'crash') {
        this.met.crashes += 1
        worker.crash()
        return
      }
      this.met.cutOffs += 1
      const links = disturbance.from === 'redis' ? [worker.redisLink] : [worker.redisLink, worker.endpointLink]
      for (const link of links) link.freeze()
      this.#thaws.add(
        delay(LEASE_MS * 1.5).then(() => {
          for (const link of links) link.thaw()
        }),
      )
    }
  }
}

async function within(ms: number, work: Promise<unknown>, what: string): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} within ${ms} ms`)), ms)
  })
  await Promise.race([work, late]).finally(() => clearTimeout(timer))
}
