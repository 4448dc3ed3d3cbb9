import type { Logger } from '../config/logger'
import { Course } from './course'
import type { Delivering, FlushSide, Means } from './delivery'
import type { Destination } from './destination'
import type { Entry } from './entry'
import { NO_METRICS, type WorkerMetrics } from './metrics'
import type { Reconciler } from './reconcile'
import { noStep, type OnStep } from './step'

/** Brings batches from marked to a known outcome. */
export class Deliverer {
  readonly #means: Means

  constructor(
    destination: Destination,
    reconciler: Reconciler,
    patienceMs: number,
    logger: Logger,
    metrics: WorkerMetrics = NO_METRICS,
    onStep: OnStep = noStep,
  ) {
    this.#means = { destination, reconciler, patienceMs, logger, metrics, onStep, refusals: { inARow: 0 } }
  }

  /** @param state `unknown` when a predecessor had marked the batch */
  deliver(entries: readonly Entry[], state: 'unsent' | 'unknown', side: FlushSide): Delivering {
    const cause = 'the worker that sent it ended before it knew'
    const course = new Course(this.#means, side, state === 'unsent' ? { state, entries } : { state, entries, cause })
    const delivery = course.run()
    return {
      delivery,
      get isUnsent() {
        return course.isUnsent
      },
    }
  }
}
