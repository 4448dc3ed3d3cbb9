import type { BaseEntity, DataSource, ObjectType, Repository } from 'typeorm'
import type { MatrixDriver } from '../targets'

/** One way to write. */
export interface WritePath {
  name: string
  run(dataSource: DataSource): Promise<unknown>
  /** Where TypeORM or the database does not have it. */
  lacking?: (driver: MatrixDriver) => boolean
  /** Several writes at the same time: two runs need not be alike. */
  unordered?: boolean
}

/** TypeORM's three faces of the same writes. */
export const FACES = ['EntityManager', 'Repository', 'BaseEntity'] as const
export type Face = (typeof FACES)[number]

export type Writes<E extends object> = Pick<
  Repository<E>,
  | 'save'
  | 'insert'
  | 'upsert'
  | 'update'
  | 'updateAll'
  | 'increment'
  | 'decrement'
  | 'delete'
  | 'deleteAll'
  | 'remove'
  | 'softDelete'
  | 'softRemove'
  | 'restore'
  | 'recover'
  | 'clear'
>

type Class<E extends object> = ObjectType<E> & typeof BaseEntity
export type To = <E extends BaseEntity>(entity: Class<E>) => Writes<E>

/** The same path through each face that has it. */
export function through(
  name: string,
  run: (to: To, dataSource: DataSource) => Promise<unknown>,
  faces: readonly Face[] = FACES,
): WritePath[] {
  return faces.map((face) => ({
    name: `${name}, by ${face}`,
    run: (dataSource) => run((entity) => writesOf(face, dataSource, entity), dataSource),
  }))
}

/** BaseEntity has no increment(), softDelete() and the like. */
export const NOT_BASE: readonly Face[] = ['EntityManager', 'Repository']

function writesOf<E extends BaseEntity>(face: Face, dataSource: DataSource, entity: Class<E>): Writes<E> {
  if (face === 'Repository') return dataSource.getRepository(entity as ObjectType<E>)
  if (face === 'EntityManager') {
    const { manager } = dataSource
    return new Proxy({} as Writes<E>, {
      get: (_, name) =>
        (manager[name as keyof typeof manager] as (...values: unknown[]) => unknown).bind(manager, entity),
    })
  }
  ;(entity as typeof BaseEntity).useDataSource(dataSource)
  const own = ['save', 'remove', 'softRemove', 'recover'] as const
  return new Proxy({} as Writes<E>, {
    get: (_, name) => {
      const statics = entity as unknown as Record<string | symbol, (...values: unknown[]) => unknown>
      return async (given: unknown, ...options: unknown[]) => {
        // Of one entity its own method is called, of several the class's.
        if (own.some((one) => one === name) && given instanceof entity) {
          return (Reflect.get(given, name) as (...values: unknown[]) => unknown).apply(given, options)
        }
        return statics[name]?.(given, ...options)
      }
    },
  })
}

export const builder = ({ manager }: DataSource) => manager.createQueryBuilder()
