import 'reflect-metadata'
import {
  ChildEntity,
  Column,
  type DataSource,
  Entity,
  JoinColumn,
  JoinTable,
  ManyToMany,
  ManyToOne,
  OneToOne,
  PrimaryColumn,
  PrimaryGeneratedColumn,
  TableInheritance,
  Tree,
  TreeChildren,
  TreeParent,
  ViewColumn,
  ViewEntity,
} from 'typeorm'
import { afterEach, describe, expect, it } from 'vitest'
import { AuditUpdateDelete } from '../../src/capture/decorator'
import { audited, type Trail } from '../unit/capture/support'

@Entity()
class Tag {
  @PrimaryGeneratedColumn()
  id!: number

  @Column()
  name!: string

  @ManyToMany(
    () => Post,
    (post) => post.tags,
  )
  posts!: Post[]
}

@Entity()
@AuditUpdateDelete
class Post {
  @PrimaryGeneratedColumn()
  id!: number

  @Column()
  title!: string

  @ManyToMany(
    () => Tag,
    (tag) => tag.posts,
  )
  @JoinTable()
  tags!: Tag[]
}

let dataSource: DataSource
let trail: Trail
const make = <T extends object>(type: new () => T, fields: Partial<T>): T => Object.assign(new type(), fields)

async function open(entities: Parameters<typeof audited>[0], settings: Parameters<typeof audited>[1] = {}) {
  ;({ dataSource, trail } = await audited(entities, settings, false))
}

afterEach(() => dataSource.destroy())

describe('a many-to-many relation', () => {
  const setUp = async (...given: [settings?: object]) => {
    await open([Tag, Post], ...given)
    const tags = await dataSource.manager.save(Tag, [{ name: 'x' }, { name: 'y' }, { name: 'z' }])
    trail.take()
    return tags
  }
  const shown = () =>
    trail.take().map(({ action, instance, changes }) => [action, instance?.model, instance?.pk, changes])

  it('changed by saving the owner is an update of the owner', async () => {
    const [x, y, z] = (await setUp()) as [Tag, Tag, Tag]
    const post = await dataSource.manager.save(make(Post, { title: 'p', tags: [x, y] }))
    expect(shown()).toEqual([
      ['OBJ_CREATE', 'Post', '1', { id: { to: 1 }, title: { to: 'p' } }],
      ['OBJ_UPDATE', 'Post', '1', { tags: { added: ['1'] } }],
      ['OBJ_UPDATE', 'Post', '1', { tags: { added: ['2'] } }],
    ])
    post.tags = [y, z]
    await dataSource.manager.save(post)
    expect(shown()).toEqual([
      ['OBJ_UPDATE', 'Post', '1', { tags: { added: ['3'] } }],
      ['OBJ_UPDATE', 'Post', '1', { tags: { removed: ['1'] } }],
    ])
  })

  it('changed by saving the other side is an update of the owner', async () => {
    const [x] = (await setUp()) as [Tag, Tag, Tag]
    const post = await dataSource.manager.save(make(Post, { title: 'p' }))
    trail.take()
    x.posts = [post]
    await dataSource.manager.save(Tag, x)
    expect(shown()).toEqual([['OBJ_UPDATE', 'Post', '1', { tags: { added: ['1'] } }]])
  })

  it('is an update of the other side when only that is logged', async () => {
    const [x, y] = (await setUp({ models: ['Tag'] })) as [Tag, Tag, Tag]
    await dataSource.manager.save(make(Post, { title: 'p', tags: [x, y] }))
    expect(shown()).toEqual([
      ['OBJ_UPDATE', 'Tag', '1', { posts: { added: ['1'] } }],
      ['OBJ_UPDATE', 'Tag', '2', { posts: { added: ['1'] } }],
    ])
  })

  it('changed by the relation query builder: added ones are known, removed ones only counted', async () => {
    await setUp()
    await dataSource.manager.save(make(Post, { title: 'p' }))
    trail.take()
    const relation = () => dataSource.createQueryBuilder().relation(Post, 'tags').of(1)
    await relation().add([1, 3])
    expect(shown()).toEqual([
      ['OBJ_UPDATE', 'Post', '1', { tags: { added: ['1'] } }],
      ['OBJ_UPDATE', 'Post', '1', { tags: { added: ['3'] } }],
    ])
    await relation().remove([1, 3])
    const event = trail.one()
    expect(event).toMatchObject({
      action: 'OBJ_UPDATE',
      instance: { model: 'Post', fields: ['tags'] },
      coverage: 'partial',
    })
    expect(event.instance?.pk).toBeUndefined()
    expect(event.coverage_reason).toBe('tags: 2 links were removed, TypeORM does not tell which')
    await relation().remove([1, 3])
    expect(trail.take()).toEqual([])
  })

  it('yields nothing when neither side is logged', async () => {
    const tags = await setUp({ exclude: ['Post'] })
    await dataSource.manager.save(make(Post, { title: 'p', tags }))
    expect(trail.take()).toEqual([])
  })
})

@Entity()
@TableInheritance({ column: { type: 'varchar', name: 'kind' } })
@AuditUpdateDelete
class Animal {
  @PrimaryGeneratedColumn()
  id!: number

  @Column()
  name!: string
}

@ChildEntity()
class Cat extends Animal {
  @Column({ type: 'int', nullable: true })
  lives!: number | null
}

@ChildEntity()
@AuditUpdateDelete({ except: ['name'] })
class Dog extends Animal {
  @Column({ type: 'varchar', nullable: true })
  trick!: string | null
}

describe('a table that several classes share', () => {
  it('names the concrete class, and shows its columns only', async () => {
    await open([Animal, Cat, Dog])
    const animals = dataSource.getRepository(Animal)
    const cat = await animals.save(make(Cat, { name: 'Tom', lives: 9 }))
    expect(trail.one()).toMatchObject({
      instance: { model: 'Cat', table: 'animal', pk: '1' },
      changes: { id: { to: 1 }, name: { to: 'Tom' }, lives: { to: 9 } },
    })
    cat.lives = 8
    await animals.save(cat)
    expect(trail.one()).toMatchObject({ instance: { model: 'Cat' }, changes: { lives: { from: 9, to: 8 } } })
    await animals.remove(cat)
    const event = trail.one()
    expect(event).toMatchObject({ action: 'OBJ_DELETE', instance: { model: 'Cat', pk: '1' } })
    expect(event.changes).toEqual({ id: { from: 1 }, name: { from: 'Tom' }, lives: { from: 8 } })
  })

  it('goes by the decoration of the concrete class', async () => {
    await open([Animal, Cat, Dog])
    const dog = await dataSource.manager.save(make(Dog, { name: 'Rex', trick: 'sit' }))
    expect(trail.one().changes).toEqual({ id: { to: 1 }, trick: { to: 'sit' } })
    dog.name = 'Max'
    await dataSource.manager.save(dog)
    expect(trail.take()).toEqual([])
  })

  it('is logged by criteria when only a subclass is', async () => {
    await open([Animal, Cat, Dog], { models: ['Cat'] })
    await dataSource.manager.save([make(Cat, { name: 'Tom' }), make(Dog, { name: 'Rex' })])
    expect(trail.one().instance?.model).toBe('Cat')
    await dataSource.manager.update(Animal, { name: 'Tom' }, { name: 'Kit' })
    expect(trail.one()).toMatchObject({ instance: { model: 'Animal' }, coverage: 'partial' })
    await dataSource.manager.update(Dog, { name: 'Rex' }, { name: 'Max' })
    expect(trail.take()).toEqual([])
  })
})

@Entity()
@AuditUpdateDelete
class Order {
  @PrimaryColumn()
  region!: string

  @PrimaryColumn({ type: 'bigint' })
  number!: string
}

@Entity()
@AuditUpdateDelete
class Line {
  @ManyToOne(() => Order, { nullable: false })
  @JoinColumn([
    { name: 'order_region', referencedColumnName: 'region' },
    { name: 'order_number', referencedColumnName: 'number' },
  ])
  order!: Order

  @PrimaryColumn()
  position!: number

  @Column({ type: 'int', nullable: true })
  stockId!: number | null

  @OneToOne(() => Stock, { nullable: true })
  @JoinColumn({ name: 'stockId' })
  stock!: Stock | null
}

@Entity()
class Stock {
  @PrimaryGeneratedColumn()
  id!: number
}

describe('keys of other entities', () => {
  it('are canonical JSON when they are composite', async () => {
    await open([Order, Line, Stock])
    const order = await dataSource.manager.save(make(Order, { region: 'CH', number: '9007199254740993' }))
    const key = '{"number":"9007199254740993","region":"CH"}'
    expect(trail.one().instance?.pk).toBe(key)
    await dataSource.manager.save(make(Line, { order, position: 1 }))
    expect(trail.one()).toMatchObject({ instance: { pk: '1' }, changes: { order: { to: key } } })
  })

  it('go by the property that the entity has for them', async () => {
    await open([Order, Line, Stock])
    const order = await dataSource.manager.save(make(Order, { region: 'CH', number: '1' }))
    const [first, second] = await dataSource.manager.save([make(Stock, {}), make(Stock, {})])
    const line = await dataSource.manager.save(make(Line, { order, position: 1, stockId: first?.id ?? 0 }))
    trail.take()
    line.stock = second ?? null
    await dataSource.manager.save(line)
    expect(trail.one().changes).toEqual({ stockId: { from: 1, to: 2 } })
    line.stock = undefined as never
    line.stockId = 1
    await dataSource.manager.save(line)
    expect(trail.one().changes).toEqual({ stockId: { from: 2, to: 1 } })
  })
})

@Entity()
@Tree('materialized-path')
@AuditUpdateDelete
class Path {
  @PrimaryGeneratedColumn()
  id!: number

  @Column()
  name!: string

  @TreeParent()
  parent!: Path | null

  @TreeChildren()
  children!: Path[]
}

@Entity()
@Tree('closure-table')
@AuditUpdateDelete
class Closure {
  @PrimaryGeneratedColumn()
  id!: number

  @Column()
  name!: string

  @TreeParent()
  parent!: Closure | null

  @TreeChildren()
  children!: Closure[]
}

@Entity()
@Tree('nested-set')
@AuditUpdateDelete
class Nested {
  @PrimaryGeneratedColumn()
  id!: number

  @Column()
  name!: string

  @TreeParent()
  parent!: Nested | null

  @TreeChildren()
  children!: Nested[]
}

describe.each([
  ['materialized-path', Path],
  ['closure-table', Closure],
  ['nested-set', Nested],
])('a %s tree', (_, Node) => {
  const make = (fields: object): Path => Object.assign(new Node(), fields) as Path

  it('shows nodes and their parents, and no event is wrong', async () => {
    await open([Node])
    const root = await dataSource.manager.save(make({ name: 'root' }))
    const child = await dataSource.manager.save(make({ name: 'child', parent: root }))
    child.name = 'renamed'
    await dataSource.manager.save(child)
    const events = trail.take()
    const complete = events.filter(({ coverage }) => coverage === undefined)
    expect(complete.map(({ action, instance, changes }) => [action, instance?.pk, changes])).toEqual([
      ['OBJ_CREATE', '1', { id: { to: 1 }, name: { to: 'root' }, parent: { to: null } }],
      ['OBJ_CREATE', '2', { id: { to: 2 }, name: { to: 'child' }, parent: { to: '1' } }],
      ['OBJ_UPDATE', '2', { name: { from: 'child', to: 'renamed' } }],
    ])
    for (const event of events.filter(({ coverage }) => coverage === 'partial')) {
      expect(event).toMatchObject({ action: 'OBJ_UPDATE', instance: { model: Node.name } })
      expect(event.instance?.pk).toBeUndefined()
    }
  })
})

@ViewEntity({ expression: 'SELECT id, title FROM post' })
class PostView {
  @ViewColumn()
  id!: number
}

describe('models: all', () => {
  it('logs every entity, decorated or not, and no view, junction or closure table', async () => {
    await open([Tag, Post, Closure, PostView], { models: 'all', exclude: ['Closure'] })
    await dataSource.manager.save(Tag, { name: 'x' })
    await dataSource.manager.save(make(Post, { title: 'p' }))
    await dataSource.manager.save(make(Closure, { name: 'c' }))
    expect(trail.take().map(({ instance }) => instance?.model)).toEqual(['Tag', 'Post'])
  })
})
