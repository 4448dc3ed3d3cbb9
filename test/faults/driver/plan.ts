import type { FaultKind } from '../../../local/cloudwatch'
import type { Step } from '../../../worker/step'
import { eventLine } from '../../support/events'
import { Dice } from './dice'

const HOUR_MS = 60 * 60 * 1000
const DAY_MS = 24 * HOUR_MS

/** The message by which the endpoint is told to refuse the whole batch, as CloudWatch does with what it cannot read. */
export const REFUSED_MARK = 'CloudWatch refuses this one'

export const STEPS: readonly Step[] = [
  'acquired',
  'readmitted',
  'peeked',
  'marked',
  'sent',
  'answered',
  'unknown',
  'reconciled',
  'stamped',
  'settling',
  'settled',
  'draining',
]

/** The faults after which CloudWatch has stored nothing, and those after which it has. */
export const FAULTS: { readonly before: readonly FaultKind[]; readonly after: readonly FaultKind[] } = {
  before: [
    'throttle',
    'unavailable',
    'internal',
    'tooLarge',
    'accessDenied',
    'expiredToken',
    'unrecognizedClient',
    'hang',
    'resetBefore',
    'html',
  ],
  after: ['unavailableAfter', 'internalAfter', 'hangAfter', 'resetAfter', 'htmlAfter'],
}

export type Disturbance =
  /** The worker is gone, with its connections, as after SIGKILL. */
  | { readonly kind: 'crash'; readonly step: Step; readonly nth: number }
  /** The worker is cut off from Redis, or from both, for longer than its lease. */
  | { readonly kind: 'cut off'; readonly step: Step; readonly nth: number; readonly from: 'redis' | 'everything' }

/** Everything about a run that is left to chance, thrown from its seed. Only the timing of the machine is not in it. */
export interface Plan {
  readonly seed: number
  /** Pushed one after the other while the workers are busy. */
  readonly pushes: readonly (readonly string[])[]
  readonly workers: number
  readonly inFlight: number
  readonly missing: boolean
  readonly retentionDays: 7 | undefined
  readonly visibleAfterMs: number
  readonly emptyPages: number
  readonly puts: { readonly probability: number; readonly kinds: readonly FaultKind[] }
  readonly reads: { readonly probability: number; readonly kinds: readonly FaultKind[] }
  readonly creates: { readonly probability: number; readonly kinds: readonly FaultKind[] }
  /** Reading back is not permitted: the one endpoint fault after which events may be stored twice. */
  readonly readingDenied: boolean
  readonly cutReplies: number
  readonly disturbances: readonly Disturbance[]
}

export function planOf(seed: number): Plan {
  const dice = new Dice(seed)
  const rarely = (probability: number, most: number) => (dice.chance(probability) ? dice.next() * most : 0)
  const some = (kinds: readonly FaultKind[]) => kinds.filter(() => dice.chance(0.5))
  const retentionDays = dice.chance(0.2) ? 7 : undefined
  const readingDenied = dice.chance(0.08)
  const puts = some([...FAULTS.before, ...FAULTS.after])
  const reads = some(['throttle', 'unavailable', 'internal', 'hang', 'resetBefore', 'html'])
  const creates = some(['throttle', 'unavailable', 'internalAfter', 'resetAfter', 'resetBefore', 'htmlAfter'])
  return {
    seed,
    pushes: pushesOf(dice, retentionDays),
    workers: dice.int(1, 3),
    inFlight: dice.pick([1, 2, 4, 4, 6]),
    missing: retentionDays !== undefined || dice.chance(0.3),
    retentionDays,
    visibleAfterMs: dice.chance(0.3) ? dice.int(10, 60) : 0,
    emptyPages: dice.chance(0.3) ? dice.int(1, 3) : 0,
    puts: { probability: rarely(0.8, 0.5), kinds: puts },
    reads: { probability: rarely(0.4, 0.4), kinds: reads },
    creates: { probability: rarely(0.4, 0.5), kinds: creates },
    readingDenied,
    cutReplies: rarely(0.6, 0.1),
    disturbances: Array.from({ length: dice.chance(0.75) ? dice.int(1, 4) : 0 }, () => disturbanceOf(dice)),
  }
}

function disturbanceOf(dice: Dice): Disturbance {
  const at = { step: dice.pick(STEPS), nth: dice.int(1, 3) }
  if (dice.chance(0.6)) return { kind: 'crash', ...at }
  return { kind: 'cut off', ...at, from: dice.pick(['redis', 'everything']) }
}

/** Dates all over the last days: a call spans 24 hours at most, so that a few hundred events make many batches. */
function pushesOf(dice: Dice, retentionDays: number | undefined): string[][] {
  const now = Date.now()
  const maximum = (retentionDays ?? 13) - 1
  const strange = dice.chance(0.5) ? 0.06 : 0
  let day = dice.int(0, maximum)
  const element = () => {
    if (dice.chance(0.08)) day = dice.int(0, maximum)
    const date = new Date(now - day * DAY_MS - dice.int(0, 3_000_000))
    if (dice.chance(strange)) return strangeElement(dice, date, now, retentionDays)
    return eventLine({
      date,
      bytes: dice.chance(0.02) ? dice.int(50_000, 300_000) : dice.int(0, 700),
      content: { text: 'Grüße, 世界 😀' },
    })
  }
  return Array.from({ length: dice.int(2, 8) }, () => Array.from({ length: dice.int(1, 50) }, element))
}

function strangeElement(dice: Dice, date: Date, now: number, retentionDays: number | undefined): string {
  const at = (ms: number, action: string) => eventLine({ date: new Date(now + ms + dice.int(0, HOUR_MS)), action })
  return dice.pick([
    () => at(-16 * DAY_MS, 'TOO_OLD'),
    () => (retentionDays === undefined ? at(-20 * DAY_MS, 'TOO_OLD') : at(-(retentionDays + 2) * DAY_MS, 'EXPIRED')),
    () => at(3 * HOUR_MS, 'TOO_NEW'),
    () => eventLine({ date, content: { text: REFUSED_MARK } }),
    () => eventLine({ date, bytes: dice.int(1_048_550, 2_500_000), content: { text: '😀é'.repeat(100_000) } }),
    () => `not JSON ${dice.next()}`,
    () => `{"v":1,"id":"no date ${dice.next()}","action":"TEST"}`,
    () => eventLine({ date }).replace('"v":1', `"v":${dice.int(2, 9)}`),
  ])()
}
