import { isHeld, isOrphaned, type ListView } from './look'

/** What a worker does next so that no worker has more than one list more than another. */
export interface Balance<T extends ListView = ListView> {
  /** Lists to flush now, at most so many as are this worker's share. */
  readonly take: readonly T[]
  /** Lists to pass on, because a worker that lives has two fewer. */
  readonly pass: readonly T[]
}

/** Due: not yet flushed in this round, or left behind by a worker that died. */
export function isDue(list: ListView, round: number): boolean {
  return isOrphaned(list) || (list.round < round && !isHeld(list))
}

/**
 * With k lists to flush and w workers, each takes floor(k/w) at once and one more only while no other has fewer than
 * itself; whoever has two more than another passes one on. So no list waits while a worker has room for it, and at rest
 * the numbers differ by one at most, whatever the order in which workers come and go.
 *
 * @param lists those held by anyone, and those that are due
 * @param workers all that live, the caller `me` among them
 */
export function balance<T extends ListView>(
  lists: readonly T[],
  round: number,
  workers: readonly string[],
  me: string,
): Balance<T> {
  const held = new Map(workers.map((worker) => [worker, 0]))
  for (const { owner } of lists.filter(isHeld)) {
    const before = held.get(owner)
    if (before !== undefined) held.set(owner, before + 1)
  }
  const mine = lists.filter((list) => isHeld(list) && list.owner === me)
  const others = [...held].filter(([worker]) => worker !== me).map(([, count]) => count)
  const least = Math.min(...others, Number.POSITIVE_INFINITY)
  if (mine.length - least >= 2) return { take: [], pass: mine.slice(-1) }

  const free = lists.filter((list) => isDue(list, round))
  const share = Math.floor((free.length + lists.filter(isHeld).length) / Math.max(1, workers.length))
  const room = mine.length < share ? share - mine.length : Number(mine.length <= least)
  // Each begins elsewhere, so that not all reach for the same one.
  const start = (Math.max(0, workers.indexOf(me)) * Math.max(1, share)) % Math.max(1, free.length)
  return { take: [...free.slice(start), ...free.slice(0, start)].slice(0, room), pass: [] }
}
