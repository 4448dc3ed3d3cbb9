import { FRAMEWORKS, type Framework, type HttpServer, type Mode, startHttpServer } from './support/http-server'
import { LoadGenerator } from './support/load'
import { benchOptions } from './support/options'
import { print, type Row, rowOf } from './support/report'
import { type Contender, interleave, type Rates } from './support/rounds'

const CONNECTIONS = 32
const NAMES: Record<Mode, string> = { plain: '', bare: ', floor: a bare hook', audited: ', with context' }
const SERVERS = FRAMEWORKS.flatMap((framework): (readonly [Framework, Mode])[] => [
  [framework, 'plain'],
  ...(framework === 'Fastify' ? [[framework, 'bare'] as const] : []),
  [framework, 'audited'],
])
const AIMS: Partial<Record<Framework, string>> = { Fastify: '≥ 0.95' }

/** What the middleware costs a handler that does nothing: no event is made, so this is what every request pays. */
async function main(): Promise<void> {
  const options = benchOptions({ rounds: 31 })
  const requests = options.quick ? 200 : 5_000
  const load = new LoadGenerator()
  const measured: Measured[] = []
  for (const [framework, mode] of SERVERS) {
    const name = `${framework}${NAMES[mode]}`
    measured.push(new Measured(name, await startHttpServer(framework, mode), load, requests))
  }
  const rates = (await interleave(measured, options.rounds)).map((one, index) => measured[index]?.own(one) ?? one)
  const rows = rates.map((one, index) => rowTo(one, rates, SERVERS[index]))
  const what = `Requests to an empty handler over ${CONNECTIONS} connections, ${requests} a round, each server in a process of its own; ${options.rounds} rounds, medians.`
  print({ bench: 'context', what, unit: 'requests/s', against: 'without', rows, quick: options.quick }, options.json)
  load.stop()
  for (const one of measured) one.stop()
}

class Measured implements Contender {
  readonly name: string
  readonly #server: HttpServer
  readonly #load: LoadGenerator
  readonly #requests: number
  readonly #cpu: number[] = []

  constructor(name: string, server: HttpServer, load: LoadGenerator, requests: number) {
    this.name = name
    this.#server = server
    this.#load = load
    this.#requests = requests
  }

  async run(): Promise<number> {
    const before = await this.#server.cpu()
    await this.#load.send({ port: this.#server.port, requests: this.#requests, connections: CONNECTIONS })
    this.#cpu.push(((await this.#server.cpu()) - before) / this.#requests)
    return this.#requests
  }

  /** The CPU time of the server's process in the place of that of this one; of the rounds that count. */
  own(rates: Rates | undefined): Rates | undefined {
    return rates && { ...rates, cpuMicros: this.#cpu.slice(-rates.perSecond.length) }
  }

  stop(): void {
    this.#server.stop()
  }
}

/** Against the same framework without anything. */
function rowTo(
  rates: Rates,
  all: readonly Rates[],
  [framework, mode]: readonly [Framework, Mode] = ['Fastify', 'plain'],
): Row {
  const plain = all.find(({ name }) => name === framework) ?? rates
  const { ratio, ...row } = rowOf(rates, plain, mode === 'audited' ? AIMS[framework] : undefined)
  return mode === 'plain' || ratio === undefined ? row : { ...row, ratio }
}

void main()
