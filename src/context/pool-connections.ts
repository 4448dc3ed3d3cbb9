import type { DataSource } from 'typeorm'
import { outsideContexts } from './context'

const OBTAIN = ['obtainMasterConnection', 'obtainSlaveConnection'] as const
type Driver = Partial<Record<(typeof OBTAIN)[number], (...given: unknown[]) => unknown>>

/**
 * Lets the connections of a data source's pool be opened outside of any context. Node keeps for a socket the context in
 * which it was opened, and a driver's callbacks and row streams run there: an event made in one of them would have the
 * actor of whichever request had opened the connection. Now it has none, unless the application binds the callback.
 * What awaits a query is where it was, as always.
 *
 * @returns undoes it
 */
export function openOutsideContexts({ driver }: DataSource): () => void {
  const own = driver as Driver
  const undo = OBTAIN.flatMap((name) => {
    const obtain = own[name]
    if (typeof obtain !== 'function') return []
    const inherited = !Object.hasOwn(own, name)
    const wrapped = (...given: unknown[]) => outsideContexts(() => obtain.apply(driver, given))
    own[name] = wrapped
    return [
      () => {
        // Somebody may have wrapped it again since; what is below then stays, and does no harm.
        if (own[name] !== wrapped) return
        if (inherited) delete own[name]
        else own[name] = obtain
      },
    ]
  })
  return () => {
    for (const one of undo) one()
  }
}
