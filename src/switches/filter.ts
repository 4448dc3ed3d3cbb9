import type { Settings } from '../../config/settings'
import { isSkippable } from '../../config/switches'
import { OBJECT_ACTIONS } from '../capture/decoration'
import { currentContext } from '../context/context'
import type { Instance } from '../event/event'
import { problemOf, type Reports } from '../report'

type FilterSettings = Pick<Settings, 'skipActions' | 'skip' | 'sampling' | 'exclude'>

/** What is asked of an event before it is built. */
interface Asked {
  readonly action: string
  readonly instance?: Instance | undefined
}

/** Whether an event is recorded; with `rate`, that it stands for others of its kind that were left out. */
export type Verdict = { readonly record: false } | { readonly record: true; readonly rate?: number }

const RECORD: Verdict = Object.freeze({ record: true })
const LEAVE_OUT: Verdict = Object.freeze({ record: false })
/** Events of single entities that no change causes: for these, `exclude` is asked here. */
const ABOUT_ENTITY: ReadonlySet<string> = new Set(['OBJ_VIEWED', 'OBJ_FIELDS'])

/** The switches of the settings that leave out events one by one. */
export class EventFilter {
  readonly #settings: FilterSettings
  readonly #reports: Reports
  readonly #actions: ReadonlySet<string>
  readonly #idle: boolean
  /** Whether every change of an entity is recorded. */
  readonly keepsChanges: boolean

  constructor(settings: FilterSettings, reports: Reports) {
    this.#settings = settings
    this.#reports = reports
    this.#actions = new Set(settings.skipActions)
    const { skip, sampling, exclude } = settings
    const quiet = skip === undefined && Object.keys(sampling).length === 0 && exclude.length === 0
    this.#idle = quiet && this.#actions.size === 0
    this.keepsChanges = skip === undefined && !OBJECT_ACTIONS.some((action) => this.#actions.has(action))
  }

  /** Never throws: when it cannot be told, the event is recorded. */
  ask({ action, instance }: Asked): Verdict {
    // What the logger tells of itself is not the application's to leave out.
    if (this.#idle || typeof action !== 'string' || !isSkippable(action)) return RECORD
    if (this.#actions.has(action)) return LEAVE_OUT
    const { exclude, sampling } = this.#settings
    if (instance !== undefined && ABOUT_ENTITY.has(action) && exclude.includes(instance.model)) return LEAVE_OUT
    if (this.#skips(action)) return LEAVE_OUT
    const rate = Object.hasOwn(sampling, action) ? sampling[action as keyof typeof sampling] : undefined
    if (rate === undefined || rate >= 1) return RECORD
    return Math.random() < rate ? { record: true, rate } : LEAVE_OUT
  }

  #skips(action: string): boolean {
    const { skip } = this.#settings
    if (skip === undefined) return false
    try {
      const answer: unknown = skip(currentContext() ?? {}, action)
      if (typeof answer === 'boolean') return answer
      if (answer instanceof Promise) answer.catch(() => undefined)
      this.#failed(answer instanceof Promise ? 'it returned a promise' : `it returned a ${typeof answer}`)
    } catch (error) {
      this.#failed(problemOf(error))
    }
    return false
  }

  #failed(problem: string): void {
    this.#reports.report('AUDIT_SKIP_FAILED', { problem })
  }
}
