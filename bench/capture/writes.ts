import type { Contender } from '../support/rounds'
import type { Bill, Place } from './subject'

/** A kind of write. */
export interface Write {
  readonly name: string
  /** How many writes a round makes, and how many rows each of them changes. */
  readonly writes: number
  readonly rows: number
  /** Rounds before those that are measured: an application that serves requests has long been compiled. */
  readonly warmUp: number
  /** Makes the write on rows that are there, `index` counting from 0 and never the same values twice. */
  run(place: Place, loaded: readonly Bill[], index: number, round: number): Promise<unknown>
  readonly aim?: string
}

export function writesOf(quick: boolean): Write[] {
  const one = { writes: quick ? 10 : 200, rows: 1, warmUp: quick ? 1 : 5 }
  const many = { writes: quick ? 1 : 3, rows: quick ? 50 : 1_000, warmUp: quick ? 1 : 5 }
  return [
    {
      name: 'save() of a new row',
      ...one,
      aim: '≤ 1.05',
      run: ({ source, entity }, _, index) => source.manager.save(source.manager.create(entity, newBill(index))),
    },
    {
      name: 'save() of a changed row',
      ...one,
      aim: '≤ 1.05',
      run({ source, entity }, loaded, index, round) {
        const bill = Object.assign(billAt(loaded, index), changed(round))
        return source.manager.save(entity, bill)
      },
    },
    {
      name: 'update() by id',
      ...one,
      aim: '≤ 1.6',
      run: ({ source, entity }, loaded, index, round) =>
        source.manager.update(entity, billAt(loaded, index).id, changed(round)),
    },
    {
      name: `update() of ${many.rows.toLocaleString('en')} rows`,
      ...many,
      aim: '≤ 2.5',
      run: ({ source, entity }, _, index, round) =>
        source.manager.update(entity, { customer: 'Customer 0' }, { total: `${round}.${index}1`, status: `s${round}` }),
    },
    {
      name: 'delete() by id',
      ...one,
      run: ({ source, entity }, loaded, index) => source.manager.delete(entity, billAt(loaded, index).id),
    },
  ]
}

/** Whatever is not measured goes through the data source without capture. */
export function contender(write: Write, plain: Place, target: Place, settle: () => Promise<void>): Contender {
  let loaded: Bill[] = []
  let round = 0
  return {
    name: write.name,
    async prepare() {
      round += 1
      const unwatched = plain.source.getRepository(plain.entity)
      await unwatched.clear()
      const rows = Math.max(write.writes, write.rows)
      for (let at = 0; at < rows; at += 500) {
        await unwatched.insert(Array.from({ length: Math.min(500, rows - at) }, (_, i) => newBill(at + i)))
      }
      loaded = await unwatched.find()
    },
    async run() {
      for (let index = 0; index < write.writes; index += 1) await write.run(target, loaded, index, round)
      return write.writes
    },
    settle,
  }
}

function newBill(i: number) {
  return { number: `R-${i}`, customer: 'Customer 0', total: `${i}.00`, note: null, dueAt: new Date() }
}

function changed(round: number) {
  return { status: 'paid', total: `${round}.50`, paidAt: new Date() }
}

function billAt(loaded: readonly Bill[], index: number): Bill {
  const bill = loaded[index]
  if (bill === undefined) throw new Error('a bill is missing')
  return bill
}
