import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import type { DataSource, EntityTarget, ObjectLiteral } from 'typeorm'
import { billOf, type Database, dateType, type Subject } from './subject'

const ROOT = process.cwd()
const FOLDER = join(ROOT, '.cache', 'bench-capture-peers')
/** They are written for TypeORM 0.3, and get it. */
const peer = createRequire(join(FOLDER, 'package.json'))

type TypeORM = typeof import('typeorm')
type Decorator = (target: object) => void

/** Two published audit packages, installed beside the project: nothing of it depends on them. */
export function installPeers(): void {
  mkdirSync(FOLDER, { recursive: true })
  cpSync(join(ROOT, 'bench/capture/package.json'), join(FOLDER, 'package.json'))
  const options = ['--prefix', FOLDER, '--legacy-peer-deps', '--ignore-scripts', '--no-audit', '--no-fund', '--silent']
  execFileSync('npm', ['install', ...options], { stdio: ['ignore', 'ignore', 'inherit'] })
}

/**
 * All copies of TypeORM keep what decorators say in one global object, and the 0.3 line cannot read that of 1.x: the
 * peers' copy gets one of its own while it is set up.
 */
async function apart<T>(run: () => Promise<T>): Promise<T> {
  const holder = globalThis as { typeormMetadataArgsStorage?: unknown }
  const ours = holder.typeormMetadataArgsStorage
  holder.typeormMetadataArgsStorage = theirs
  try {
    return await run()
  } finally {
    theirs = holder.typeormMetadataArgsStorage
    holder.typeormMetadataArgsStorage = ours
  }
}
let theirs: unknown

/** Both of them, where they can be used. */
export function peerSubjects(database: Database): Promise<Subject[]> {
  return apart(async () => {
    const auditing = await auditingSubject(database)
    // The table of the other one is of a type that only PostgreSQL has.
    return database.type === 'postgres' ? [auditing, await toolboxSubject(database)] : [auditing]
  })
}

/** History tables, one for each entity: `_action` and all columns, written in the transaction of the change. */
async function auditingSubject(database: Database): Promise<Subject> {
  const typeorm = peer('typeorm') as TypeORM
  const { AuditingEntity, AuditingSubscriber } = peer('typeorm-auditing') as {
    AuditingEntity(entity: unknown): Decorator
    AuditingSubscriber: new () => object
  }
  const entity = billOf(typeorm, 'auditing', dateType(database))
  class History extends (entity as new () => object) {}
  AuditingEntity(entity)(History)
  return peerSubject('typeorm-auditing 0.5.6', typeorm, database, {
    entity,
    table: History,
    subscribers: [AuditingSubscriber],
    attach: () => async () => undefined,
  })
}

interface LogService {
  log(entry: object): Promise<void>
}

/** One table of JSON for all entities; nobody waits for its writes. */
async function toolboxSubject(database: Database): Promise<Subject> {
  const typeorm = peer('typeorm') as TypeORM
  const { Auditable, AuditLog, AuditLogService, AuditLogSubscriber } = peer('@nest-toolbox/typeorm-audit-log') as {
    Auditable(): Decorator
    AuditLog: EntityTarget<ObjectLiteral>
    AuditLogService: new (repository: unknown, options: object) => LogService
    AuditLogSubscriber: new () => {
      setAuditLogService(service: LogService): void
      registerWithDataSource(source: DataSource): void
    }
  }
  const entity = billOf(typeorm, 'toolbox', dateType(database))
  Auditable()(entity)
  return peerSubject('@nest-toolbox/typeorm-audit-log 1.8.2', typeorm, database, {
    entity,
    table: AuditLog,
    subscribers: [],
    attach(source) {
      const service = new AuditLogService(source.getRepository(AuditLog), {})
      const under = new Set<Promise<void>>()
      const subscriber = new AuditLogSubscriber()
      subscriber.setAuditLogService({
        log(entry) {
          const one = service.log(entry).finally(() => under.delete(one))
          under.add(one)
          return one
        },
      })
      subscriber.registerWithDataSource(source)
      return async () => {
        while (under.size > 0) await Promise.all(under)
      }
    },
  })
}

interface PeerParts {
  readonly entity: new () => ObjectLiteral
  /** Where it keeps its records. */
  readonly table: EntityTarget<ObjectLiteral>
  readonly subscribers: readonly unknown[]
  /** @returns waits for what is under way */
  attach(source: DataSource): () => Promise<void>
}

async function peerSubject(
  name: string,
  typeorm: TypeORM,
  database: Database,
  { entity, table, subscribers, attach }: PeerParts,
): Promise<Subject> {
  const source = (more: object, entities: unknown[]) =>
    new typeorm.DataSource({ ...database, poolSize: 10, entities, ...more } as never).initialize()
  const plain = await source({}, [entity])
  const audited = await source({ subscribers }, [entity, table])
  await audited.synchronize()
  const settle = attach(audited)
  return {
    name,
    plain: { source: plain, entity: entity as never },
    audited: { source: audited, entity: entity as never },
    settle,
    async records() {
      await settle()
      const repository = audited.getRepository(table)
      const count = await repository.count()
      await repository.clear()
      return count
    },
    async close() {
      await Promise.all([plain.destroy(), audited.destroy()])
    },
  }
}
