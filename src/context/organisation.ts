import type { Actor } from '../event/event'
import { problemOf } from '../report'
import type { ActorSource } from './actor'
import { type ContextNode, contextField } from './context'
import { keyText, knownEntity, ownText, primaryKey } from './entity'
import { BrokenPath, isThenable, walkNow, walkToEnd } from './organisation-path'
import { isResolvedActor } from './resolved-actor'

/** As in the event: the string form, and the primary key. */
export type OrganisationFields = Pick<Actor, 'organisation' | 'organisation_id'>

/** Known now, or only when it has been asked for: call it when the event is delivered. It never rejects. */
export type Organisation = OrganisationFields | (() => Promise<OrganisationFields>)

const NONE: OrganisationFields = {}
/** Longer than any healthy query; shorter than what an application would wait at its end. */
const LOADING_MS = 5_000

/** Finds the organisation of a user: the context's own, else by the settings' path from the user. */
export class OrganisationFinder {
  readonly #source: ActorSource
  readonly #loadingMs: number
  /** By context, then by user: loaded at most once in each. */
  readonly #inContext = new WeakMap<object, WeakMap<object, Promise<OrganisationFields>>>()
  readonly #outside = new WeakMap<object, Promise<OrganisationFields>>()

  constructor(source: ActorSource, loadingMs: number = LOADING_MS) {
    this.#source = source
    this.#loadingMs = loadingMs
  }

  /** Never throws, and starts no query. */
  find(user: unknown, context: ContextNode | undefined): Organisation {
    try {
      const given = context && contextField(context, 'organisation')
      if (isThenable(given)) return () => this.#once(given, context, async () => this.#describe(await given))
      if (given !== undefined) return this.#describe(given)
      return this.#byPath(user, context)
    } catch (error) {
      return this.#fail(error)
    }
  }

  #byPath(user: unknown, context: ContextNode | undefined): Organisation {
    const { settings, dataSources } = this.#source
    const path = settings.userOrganisationField
    if (path.length === 0 || typeof user !== 'object' || user === null || isResolvedActor(user)) return NONE
    const found = walkNow(user, path, dataSources)
    if (found !== 'later') return this.#describe(found.value)
    if (context?.loading) return NONE
    return () => this.#once(user, context, async () => this.#describe(await walkToEnd(user, path, dataSources)))
  }

  /** Failures are kept too: a database that is down must not be asked again for every event of a request. */
  #once(user: object, context: ContextNode | undefined, ask: () => Promise<OrganisationFields>) {
    const kept = context === undefined ? this.#outside : this.#keptIn(context.scope)
    const running = kept.get(user)
    if (running !== undefined) return running
    const answer = within(this.#loadingMs, ask).catch((error: unknown) => this.#fail(error))
    kept.set(user, answer)
    return answer
  }

  #keptIn(scope: object): WeakMap<object, Promise<OrganisationFields>> {
    let kept = this.#inContext.get(scope)
    if (kept === undefined) {
      kept = new WeakMap()
      this.#inContext.set(scope, kept)
    }
    return kept
  }

  #describe(value: unknown): OrganisationFields {
    if (value === undefined || value === null) return NONE
    if (Array.isArray(value)) throw new BrokenPath('it ends at a list')
    if (typeof value !== 'object') return { organisation: String(value).toWellFormed() }
    const pk = primaryKey(value, knownEntity(value, this.#source.dataSources))?.toWellFormed()
    const text = (ownText(value) ?? nameOf(value) ?? pk)?.toWellFormed()
    return { ...(text !== undefined && { organisation: text }), ...(pk !== undefined && { organisation_id: pk }) }
  }

  #fail(error: unknown): OrganisationFields {
    const { reports, settings } = this.#source
    const path = JSON.stringify(settings.userOrganisationField)
    if (error instanceof BrokenPath) {
      reports.report('AUDIT_ORGANISATION_PATH_BROKEN', { path, problem: error.message }, error.message)
    } else {
      reports.report('AUDIT_ORGANISATION_UNAVAILABLE', { problem: problemOf(error) })
    }
    return NONE
  }
}

/** For organisations without a text of their own. */
function nameOf(organisation: object): string | undefined {
  const { name, title, label, slug } = organisation as Record<string, unknown>
  return [name, title, label, slug].map(keyText).find((text) => text !== undefined)
}

async function within<T>(ms: number, ask: () => Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${ms} ms`)), ms)
  })
  try {
    return await Promise.race([ask(), late])
  } finally {
    clearTimeout(timer)
  }
}
