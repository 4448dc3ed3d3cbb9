import { AsyncLocalStorage } from 'node:async_hooks'
import { copyOwn } from '../event/copy-own'
import type { EntryPoint } from '../event/event'
import { putAll } from '../event/put'
import { type RequestInput, shownRequest } from './request'

/** What is known about the running request, job or command. All optional; absent means unknown. */
export interface AuditContext {
  /** The application's user object, or its primary key; `null` says that there is none. */
  user?: unknown
  /** Who really acts when `user` is another's account: the application's user object; `null` says that nobody does. */
  impersonator?: unknown
  /** The organisation, when it is known: an entity or a text. Wins over the configured path from the user. */
  organisation?: unknown
  request?: RequestInput | undefined
  /** `http` when a request is given and nothing else said. */
  entryPoint?: EntryPoint | undefined
  /** Of the trace that this belongs to, where no active span says so: a job carries the one it was added in. */
  traceId?: string | undefined
  /** Merged into `content` of every event of this context; an event's own content wins. */
  extra?: Readonly<Record<string, unknown>> | undefined
}

export type ExtraNow = () => Readonly<Record<string, unknown>> | undefined

/** A plain object and not a class: two copies of this package may share one storage. */
export interface ContextNode {
  readonly outer: ContextNode | undefined
  /** As it was given, so that getters are read when an event is made. */
  readonly given: AuditContext
  /** What was set since; wins over what was given. */
  readonly set: AuditContext
  /** Extra content that is asked for whenever an event is made; what was set wins over it. */
  readonly extraNow?: ExtraNow | undefined
  /** One object for a context and all inside it: what is loaded once per context is kept under it. */
  readonly scope: object
  /** True while an organisation is being loaded: what that raises must not load another. */
  readonly loading: boolean
}

const STORAGE = Symbol.for('typeorm-audit-logger.context.v1')

const storage = sharedStorage()

/** One for the process: if two copies of the package had one each, events of the one would miss the other's user. */
function sharedStorage(): AsyncLocalStorage<ContextNode> {
  const shared = globalThis as { [STORAGE]?: AsyncLocalStorage<ContextNode> }
  shared[STORAGE] ??= new AsyncLocalStorage()
  return shared[STORAGE]
}

/**
 * Runs `fn`, and all that it starts, in a context; every event captured there tells who, from where and on whose
 * behalf. A context inside another inherits what it does not give itself. Returns what `fn` returns.
 *
 * @example
 * await runWithContext({ user: 'nightly-billing', entryPoint: 'job', extra: { run: 17 } }, () => bill())
 */
export function runWithContext<T>(context: AuditContext, fn: () => T): T {
  return storage.run(nodeOf(context, storage.getStore()), fn)
}

/** The same, but inherits nothing: a job does not belong to the request during which its worker happened to start. */
export function runInNewContext<T>(context: AuditContext, fn: () => T): T {
  return storage.run(nodeOf(context, undefined), fn)
}

function nodeOf(context: AuditContext, outer: ContextNode | undefined): ContextNode {
  return {
    outer,
    given: context ?? {},
    // A copy, so that no two contexts ever share one object of extra content.
    set: context?.extra ? { extra: copyOwn(context.extra) } : {},
    scope: outer?.scope ?? {},
    loading: outer?.loading ?? false,
  }
}

/**
 * For adapters: a context whose parts may be getters, which nothing reads before an event is made.
 *
 * @param outer what it inherits from; a request inherits nothing from where its server was started
 */
export function newContext(given: AuditContext, outer?: ContextNode, extraNow?: ExtraNow): ContextNode {
  return { outer, given, set: {}, extraNow, scope: outer?.scope ?? {}, loading: false }
}

/** Runs `fn`, and all that it starts, in this context. */
export function runInContext<T>(node: ContextNode, fn: () => T): T {
  return storage.run(node, fn)
}

/** Runs `fn` in no context: what it opens for others to use must not remember who happened to open it. */
export function outsideContexts<T>(fn: () => T): T {
  return storage.exit(fn)
}

/** Runs `fn` so that events captured in it ask for no organisation. */
export function whileLoadingOrganisation<T>(fn: () => T): T {
  const outer = storage.getStore()
  return storage.run({ outer, given: {}, set: {}, scope: outer?.scope ?? {}, loading: true }, fn)
}

/**
 * The context as it stands, inherited parts included; undefined outside of any. A copy: see `updateContext`. A part whose
 * getter throws is left out.
 */
export function currentContext(): Readonly<AuditContext> | undefined {
  const node = storage.getStore()
  if (node === undefined) return undefined
  const context: AuditContext = {}
  for (const field of ['user', 'impersonator', 'organisation', 'request', 'entryPoint', 'traceId'] as const) {
    const value = readable(() => contextField(node, field))
    if (value !== undefined) Object.assign(context, { [field]: value })
  }
  const { request } = context
  if (typeof request === 'object' && request !== null) context.request = readable(() => shownRequest(request))
  const extra = readable(() => contextExtra(node))
  if (extra !== undefined) context.extra = copyOwn(extra)
  return context
}

function readable<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch {
    // Said in every event that is made here, which is where it matters.
    return undefined
  }
}

/**
 * Sets parts of the innermost context from here on, for what is only known after it began; `extra` is added to what it
 * has. Outside of a context it does nothing and returns false.
 *
 * @example
 * updateContext({ organisation: await tenantOf(request), extra: { plan: 'trial' } })
 */
export function updateContext(parts: AuditContext): boolean {
  const node = storage.getStore()
  if (node === undefined) return false
  const { extra, ...others } = parts
  for (const [field, value] of Object.entries(others)) {
    if (value !== undefined) Object.assign(node.set, { [field]: value })
  }
  if (extra !== undefined) node.set.extra = { ...node.set.extra, ...copyOwn(extra) }
  return true
}

/** Sets the user of the running context, as a middleware that authenticates late does. Events made before keep theirs. */
export function setContextUser(user: unknown): boolean {
  return updateContext({ user: user ?? null })
}

/** For the recorder: the context as it is kept. */
export function contextNode(): ContextNode | undefined {
  return storage.getStore()
}

/** One part of a context, its own or inherited. */
export function contextField<F extends 'user' | 'impersonator' | 'organisation' | 'request' | 'entryPoint' | 'traceId'>(
  node: ContextNode,
  field: F,
): AuditContext[F] {
  for (let current: ContextNode | undefined = node; current !== undefined; current = current.outer) {
    const value = current.set[field] === undefined ? current.given[field] : current.set[field]
    if (value !== undefined) return value
  }
  return undefined
}

/** The extra content of a context, the inner ones winning; undefined when there is none. */
export function contextExtra(node: ContextNode): Record<string, unknown> | undefined {
  const inherited = node.outer && contextExtra(node.outer)
  const now = node.extraNow?.()
  const own = node.set.extra
  if (own === undefined && now === undefined) return inherited
  return putAll(putAll(copyOwn(inherited), copyOwn(now)), copyOwn(own))
}
