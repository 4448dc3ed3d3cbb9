import 'reflect-metadata'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import type * as Common from '@nestjs/common'
import type * as Core from '@nestjs/core'
import type * as TypeOrm from '@nestjs/typeorm'
import { vi } from 'vitest'
import type * as Adapter from '../../../src/context/adapters/nestjs'
import { ROOT } from '../../support/spawn-process'

export type Platform = 'express' | 'fastify'

/** One major version of NestJS, with our module compiled against it. */
export interface Nest {
  common: typeof Common
  core: typeof Core
  typeorm: typeof TypeOrm
  AuditModule: typeof Adapter.AuditModule
  AuditLogger: typeof import('../../../src').AuditLogger
  sendLog: typeof import('../../../src').sendLog
  create(module: Common.Type, platform: Platform): Promise<Common.INestApplication>
}

type PlatformAdapter = new () => Core.AbstractHttpAdapter

export async function loadNest(version: 11 | 12): Promise<Nest> {
  const load = version === 11 ? previous : (name: string) => import(name) as Promise<object>
  const [common, core, typeorm, express, fastify] = (await Promise.all(
    ['common', 'core', 'typeorm', 'platform-express', 'platform-fastify'].map((name) => load(`@nestjs/${name}`)),
  )) as [
    typeof Common,
    typeof Core,
    typeof TypeOrm,
    { ExpressAdapter: PlatformAdapter },
    { FastifyAdapter: PlatformAdapter },
  ]
  vi.resetModules()
  vi.doMock('@nestjs/common', () => common)
  vi.doMock('@nestjs/core', () => core)
  const { AuditModule } = await import('../../../src/context/adapters/nestjs.js')
  const { AuditLogger, sendLog } = await import('../../../src/index.js')
  vi.doUnmock('@nestjs/common')
  vi.doUnmock('@nestjs/core')
  return {
    common,
    core,
    typeorm,
    AuditModule,
    AuditLogger,
    sendLog,
    create: (module, platform) =>
      core.NestFactory.create(
        module,
        platform === 'express' ? new express.ExpressAdapter() : new fastify.FastifyAdapter(),
        {
          logger: false,
          abortOnError: false,
        },
      ),
  }
}

/** The previous majors stand apart, so that both can be tested side by side. */
async function previous(name: string): Promise<object> {
  return createRequire(join(ROOT, 'test/packages/previous/package.json'))(name) as object
}
