import type { DataSource, EntityManager } from 'typeorm'
import { Deal, Leaf, Nest, Owner, Path, Tag, Thing } from '../entities'
import { builder, type WritePath } from './path'
import { thing } from './seed'

export const RELATIONS: WritePath[] = [
  { name: 'relation set', run: (d) => builder(d).relation(Thing, 'owner').of(3).set(2) },
  { name: 'relation set on several', run: (d) => builder(d).relation(Thing, 'owner').of([1, 3]).set(2) },
  { name: 'relation set to null', run: (d) => builder(d).relation(Thing, 'owner').of(1).set(null) },
  {
    name: 'relation set to a composite key',
    run: (d) => builder(d).relation(Deal, 'pair').of(1).set({ left: 'a', right: 2 }),
  },
  { name: 'one-to-many add', run: (d) => builder(d).relation(Owner, 'things').of(2).add([1, 3]) },
  { name: 'one-to-many remove', run: (d) => builder(d).relation(Owner, 'things').of(1).remove([1]) },
  {
    name: 'many-to-many by save of a new one',
    run: ({ manager }) => manager.save(thing('tagged', { tags: [{ id: 1 } as Tag, { id: 3 } as Tag] })),
  },
  { name: 'many-to-many by save', run: ({ manager }) => manager.save(Thing, { id: 2, tags: [{ id: 1 }, { id: 3 }] }) },
  { name: 'many-to-many replaced by save', run: ({ manager }) => manager.save(Thing, { id: 1, tags: [{ id: 3 }] }) },
  { name: 'many-to-many emptied by save', run: ({ manager }) => manager.save(Thing, { id: 1, tags: [] }) },
  {
    name: 'many-to-many as it was by save',
    run: ({ manager }) => manager.save(Thing, { id: 1, tags: [{ id: 1 }, { id: 2 }] }),
  },
  {
    name: 'many-to-many by save of the other side',
    run: ({ manager }) => manager.save(Tag, { id: 3, things: [{ id: 1 }, { id: 2 }] }),
  },
  {
    name: 'many-to-many by save without listeners',
    run: ({ manager }) => manager.save(Thing, { id: 1, tags: [{ id: 3 }] }, { listeners: false }),
  },
  {
    name: 'many-to-many and a column by save',
    run: ({ manager }) => manager.save(Thing, { id: 1, count: 5, tags: [{ id: 3 }] }),
  },
  { name: 'many-to-many add', run: (d) => builder(d).relation(Thing, 'tags').of(3).add([1, 3]) },
  { name: 'many-to-many add of one', run: (d) => builder(d).relation(Thing, 'tags').of(3).add(2) },
  { name: 'many-to-many add to several', run: (d) => builder(d).relation(Thing, 'tags').of([2, 3]).add([1, 3]) },
  { name: 'many-to-many add from the other side', run: (d) => builder(d).relation(Tag, 'things').of(3).add([1, 2]) },
  { name: 'many-to-many remove', run: (d) => builder(d).relation(Thing, 'tags').of(1).remove([1, 2]) },
  { name: 'many-to-many remove of nothing', run: (d) => builder(d).relation(Thing, 'tags').of(2).remove([1, 2]) },
  { name: 'many-to-many remove from the other side', run: (d) => builder(d).relation(Tag, 'things').of(1).remove(1) },
  { name: 'many-to-many addAndRemove', run: (d) => builder(d).relation(Thing, 'tags').of(1).addAndRemove([3], [2]) },
  {
    name: 'many-to-many of composite keys by save',
    run: ({ manager }) => manager.save(Deal, { id: 1, pairs: [{ left: 'a', right: 1 }] }),
  },
  {
    name: 'many-to-many of composite keys, add',
    run: (d) => builder(d).relation(Deal, 'pairs').of(1).add({ left: 'a', right: 1 }),
  },
  {
    name: 'many-to-many of composite keys, remove',
    run: (d) => builder(d).relation(Deal, 'pairs').of(1).remove({ left: 'a', right: 2 }),
  },
]

type Knot = typeof Leaf | typeof Path | typeof Nest

const trees: [string, Knot][] = [
  ['a closure tree', Leaf],
  ['a materialised path', Path],
  ['a nested set', Nest],
]

/** A root with two children, the second of which has one of its own. */
async function plant(manager: EntityManager, Knot: Knot) {
  const root = await manager.save(Knot, { name: 'root' })
  const first = await manager.save(Knot, { name: 'first', parent: root })
  const second = await manager.save(Knot, { name: 'second', parent: root })
  const deep = await manager.save(Knot, { name: 'deep', parent: second })
  return { root, first, second, deep }
}

export const TREES: WritePath[] = trees.flatMap(([name, Knot]): WritePath[] => [
  { name: `${name}, planted`, run: ({ manager }) => plant(manager, Knot) },
  {
    name: `${name}, planted in one transaction`,
    run: ({ manager }) => manager.transaction((inner) => plant(inner, Knot)),
  },
  {
    name: `${name}, renamed`,
    run: async ({ manager }: DataSource) => {
      const { second } = await plant(manager, Knot)
      await manager.save(Knot, { id: second.id, name: 'renamed' })
    },
  },
  {
    name: `${name}, moved`,
    run: async ({ manager }: DataSource) => {
      const { first, second } = await plant(manager, Knot)
      second.parent = first
      await manager.save(Knot, second)
    },
  },
  {
    name: `${name}, a leaf removed`,
    run: async ({ manager }: DataSource) => {
      const { deep } = await plant(manager, Knot)
      await manager.remove(Knot, deep)
    },
  },
])
