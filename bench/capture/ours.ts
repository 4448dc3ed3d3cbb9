import { Redis } from 'ioredis'
import * as typeorm from 'typeorm'
import { AuditLogger, AuditUpdateDelete } from '../../src/index'
import { queueKeys } from '../../src/queue/keys'
import { billOf, type Database, dateType, type Subject } from './subject'

/** This package, on the TypeORM that it is developed with; and an entity that it leaves alone, beside the audited one. */
export async function ourSubjects(database: Database, redisUrl: string): Promise<[Subject, Subject]> {
  const entity = billOf(typeorm, 'ours', dateType(database))
  AuditUpdateDelete(entity)
  const leftAlone = billOf(typeorm, 'left_alone', dateType(database))
  const entities = [entity, leftAlone]
  const source = () => new typeorm.DataSource({ ...database, poolSize: 10, entities }).initialize()
  const plain = await source()
  await plain.synchronize()
  const audited = await source()
  const audit = new AuditLogger({ redis: redisUrl, lifecycleEvents: false }).attach(audited)
  const { pending } = queueKeys(audit.settings.prefix)
  const redis = new Redis(redisUrl)
  const subject: Subject = {
    name: 'typeorm-audit-logger',
    plain: { source: plain, entity },
    audited: { source: audited, entity },
    settle: () => audit.flush(),
    async records() {
      await audit.flush()
      const count = await redis.llen(pending)
      await redis.del(pending)
      return count
    },
    async close() {
      await audit.close()
      redis.disconnect()
      await Promise.all([plain.destroy(), audited.destroy()])
    },
  }
  const places = { plain: { source: plain, entity: leftAlone }, audited: { source: audited, entity: leftAlone } }
  return [subject, { ...subject, ...places, name: 'an entity that is not audited', close: async () => undefined }]
}
