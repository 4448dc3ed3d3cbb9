import type { AuditLoggerOptions } from '../../../config/settings'
import type { RequestContextOptions } from '../http/options'

/** What Express' request and Fastify's have in common; a function of the options may name the platform's own type instead. */
export interface NestRequest {
  headers: Record<string, unknown>
  method?: string | undefined
  url?: string | undefined
  user?: unknown
  params?: unknown
  query?: unknown
  body?: unknown
}

export type NestContextOptions = Omit<RequestContextOptions<NestRequest>, 'audit'>

/** The options of an AuditLogger, and what the module does with it. */
export interface AuditModuleOptions extends AuditLoggerOptions {
  /** Of the context that every request gets; `false` gives none. */
  context?: NestContextOptions | false | undefined
  /** Attaches to every DataSource that is a provider (`@nestjs/typeorm` makes them so). Unless `false`. */
  attach?: boolean | undefined
  /** Lets the context travel through the queues and processors of `@nestjs/bullmq`. Unless `false`. */
  jobs?: boolean | undefined
}

/** As for the `forRootAsync` of any other module of NestJS. */
export interface AuditModuleAsyncOptions {
  imports?: NonNullable<import('@nestjs/common').ModuleMetadata['imports']>
  inject?: NonNullable<import('@nestjs/common').FactoryProvider['inject']>
  useFactory: (...dependencies: never[]) => AuditModuleOptions | Promise<AuditModuleOptions>
}
