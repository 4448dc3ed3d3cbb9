/** One way of doing the work that is compared. */
export interface Contender {
  readonly name: string
  /** Brings everything to where the work begins; not timed. */
  prepare?(): Promise<void>
  /** Does all of the work once. Returns how much it was: events, saves. */
  run(): Promise<number>
  /** Ends what it leaves running, for which nobody waits: it counts as CPU time, not as time. */
  settle?(): Promise<void>
}

/** What a contender did in each round. */
export interface Rates {
  readonly name: string
  readonly perSecond: readonly number[]
  /** CPU time of this process for one event or save, in microseconds: what other processes do hardly moves it. */
  readonly cpuMicros: readonly number[]
}

export interface Spread {
  readonly median: number
  readonly low: number
  readonly high: number
}

/**
 * Runs all contenders in every round, forwards and backwards by turns. The machine's speed changes from minute to minute;
 * what is done one straight after the other is comparable, and a drift within a round helps each of them as often.
 */
export async function interleave(contenders: readonly Contender[], rounds: number, warmUp = 1): Promise<Rates[]> {
  const rates = contenders.map(({ name }) => ({ name, perSecond: [] as number[], cpuMicros: [] as number[] }))
  // Rounds more, whose figures are thrown away: the code is not compiled yet and connections are not made.
  for (let round = -warmUp; round < rounds; round += 1) {
    const order = contenders.map((contender, index) => ({ contender, index }))
    if (round % 2 !== 0) order.reverse()
    for (const { contender, index } of order) {
      await contender.prepare?.()
      const cpu = process.cpuUsage()
      const started = performance.now()
      const amount = await contender.run()
      const seconds = (performance.now() - started) / 1000
      await contender.settle?.()
      const { user, system } = process.cpuUsage(cpu)
      if (round < 0) continue
      rates[index]?.perSecond.push(amount / seconds)
      rates[index]?.cpuMicros.push((user + system) / amount)
    }
  }
  return rates
}

/** The median of the ratios of each round, and the lowest and highest of them. */
export function ratio(rates: Rates, floor: Rates): Spread {
  return spread(rates.perSecond.map((rate, round) => rate / (floor.perSecond[round] ?? Number.NaN)))
}

/** The same for the CPU time, again so that more is better. */
export function cpuRatio(rates: Rates, floor: Rates): Spread {
  return spread(floor.cpuMicros.map((micros, round) => micros / (rates.cpuMicros[round] ?? Number.NaN)))
}

export function spread(values: readonly number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  const upper = sorted[middle] ?? Number.NaN
  const median = sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2
  return { median, low: sorted[0] ?? Number.NaN, high: sorted.at(-1) ?? Number.NaN }
}
