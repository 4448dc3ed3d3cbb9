import { AsyncLocalStorage } from 'node:async_hooks'

/** A stretch of code whose changes are not recorded one by one. */
export interface Suspension {
  /** Whose recording is suspended: another logger's goes on. */
  readonly recorder: object
  readonly outer: Suspension | undefined
  /** Work that outlives it is recorded again: its event is written, and would not tell of that. */
  active: boolean
  /** How many events were not recorded. */
  events: number
}

const storage = new AsyncLocalStorage<Suspension>()

/** Runs `fn`, and all that it awaits, in a suspension; its owner ends it by `active`. */
export function runSuspended<T>(recorder: object, fn: (suspension: Suspension) => T): T {
  const suspension: Suspension = { recorder, outer: storage.getStore(), active: true, events: 0 }
  return storage.run(suspension, () => fn(suspension))
}

/** Whether recording is suspended here; counts nothing. */
export function isSuspended(recorder: object): boolean {
  for (let one = storage.getStore(); one !== undefined; one = one.outer) {
    if (one.active && one.recorder === recorder) return true
  }
  return false
}

/** To be asked for each change that would be recorded: true, and counted, when it is not to be. */
export function suspended(recorder: object): boolean {
  let found = false
  for (let one = storage.getStore(); one !== undefined; one = one.outer) {
    if (!one.active || one.recorder !== recorder) continue
    one.events += 1
    found = true
  }
  return found
}
