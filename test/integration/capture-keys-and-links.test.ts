import 'reflect-metadata'
import {
  ChildEntity,
  Entity,
  JoinTable,
  ManyToMany,
  PrimaryColumn,
  PrimaryGeneratedColumn,
  TableInheritance,
} from 'typeorm'
import { describe, expect, it } from 'vitest'
import { AuditUpdateDelete } from '../../src/capture/decorator'
import { twinDatabases } from '../support/twin-databases'
import { summary } from '../unit/capture/support'

@Entity()
class Tag {
  @PrimaryColumn('text') name!: string
}
/** Its key is given by the application, and no other column is generated. */
@Entity()
class Article {
  @PrimaryColumn('uuid') id!: string
  @ManyToMany(() => Tag)
  @JoinTable()
  tags!: Tag[]
}
@Entity()
@TableInheritance({ column: { type: 'varchar', name: 'kind' } })
class Media {
  @PrimaryGeneratedColumn() id!: number
}
@ChildEntity()
@AuditUpdateDelete
class Film extends Media {
  @ManyToMany(() => Tag)
  @JoinTable()
  genres!: Tag[]
}
@ChildEntity()
class Song extends Media {
  @ManyToMany(() => Tag)
  @JoinTable()
  moods!: Tag[]
}
@Entity()
class Translation {
  @PrimaryColumn('int') id!: number
  /** Empty: the default one. */
  @PrimaryColumn('text') locale!: string
}
@Entity()
class Setting {
  @PrimaryColumn('text') path!: string
}
@Entity()
class Phone {
  @PrimaryColumn('int') owner!: number
  @PrimaryColumn('boolean') main!: boolean
}

const start = twinDatabases()

describe('many-to-many links', () => {
  it('of an entity without generated columns are told of', async () => {
    const { audited, trail } = await start([Tag, Article])
    const id = '0199a000-0000-7000-8000-000000000001'
    await audited.manager.insert(Tag, [{ name: 'a' }, { name: 'b' }])
    await audited.manager.insert(Article, { id })
    trail.take()
    await audited.manager.save(Article, { id, tags: [{ name: 'a' }] })
    await audited.createQueryBuilder().relation(Article, 'tags').of(id).add('b')
    await audited.manager.save(Article, { id, tags: [] })
    expect(summary(trail.take()).split('\n')).toEqual([
      `OBJ_UPDATE Article ${id} {"tags":{"added":["a"]}}`,
      `OBJ_UPDATE Article ${id} {"tags":{"added":["b"]}}`,
      `OBJ_UPDATE Article ${id} {"tags":{"removed":["a","b"]}}`,
    ])
  })

  it('of a class that shares its table are told of that class, if it is logged', async () => {
    const { audited, trail } = await start([Tag, Media, Film, Song], { settings: { models: 'decorated' } })
    await audited.manager.insert(Tag, { name: 'a' })
    await audited.manager.save(Film, { genres: [{ name: 'a' }] })
    await audited.manager.save(Song, { moods: [{ name: 'a' }] })
    const told = trail.take().map(({ action, instance }) => [action, instance?.model])
    expect(told).toEqual([
      ['OBJ_CREATE', 'Film'],
      ['OBJ_UPDATE', 'Film'],
    ])
  })
})

it('a key may be an empty text, or a flag', async () => {
  const { audited, trail } = await start([Translation, Setting, Phone])
  await audited.manager.insert(Translation, { id: 1, locale: '' })
  await audited.manager.insert(Setting, { path: '' })
  await audited.manager.insert(Phone, { owner: 1, main: true })
  const keys = trail.take().map(({ instance }) => instance?.pk)
  expect(keys).toEqual(['{"id":"1","locale":""}', '', '{"main":"true","owner":"1"}'])
})
