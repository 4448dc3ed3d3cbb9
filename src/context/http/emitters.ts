import type { EventEmitter } from 'node:events'
import { type ContextNode, contextNode, runInContext } from '../context'

/**
 * Lets the listeners of a request or a response run in its context. Node calls those of `data`, `end` or `close` from
 * where it reads the connection, which began before the context did (with keep-alive, before the request): a body parser
 * that calls the next middleware from there would lose the context.
 */
export function bindEmitter(emitter: EventEmitter, node: ContextNode): void {
  const { emit } = emitter
  // Node's own, on every request. The other events have none yet.
  const before = emitter.rawListeners('end')
  emitter.emit = function emitInContext(this: EventEmitter, ...given: Parameters<typeof emit>) {
    const running = contextNode()
    // Inside already, or in a context that was opened within this one: that one is the nearer.
    if (running === node || running?.scope === node.scope) return emit.apply(this, given)
    // Most events of most requests have no listener but those, and entering a context is what costs most here.
    if (this.listenerCount(given[0]) === 0) return emit.apply(this, given)
    if (given[0] === 'end' && this.rawListeners('end').every((one) => before.includes(one)))
      return emit.apply(this, given)
    return runInContext(node, () => emit.apply(this, given))
  }
}
