/** typeorm-audit-logger/nestjs: the module for NestJS 11 and 12, on Express and on Fastify. */

import { type DynamicModule, Inject, Module, type Provider } from '@nestjs/common'
import { APP_INTERCEPTOR, HttpAdapterHost, ModulesContainer } from '@nestjs/core'
import { AuditLogger } from '../../audit-logger'
import { flushSoon } from '../../flush-soon'
import { ErrorWatch } from '../nestjs/error-watch'
import type { AuditModuleAsyncOptions, AuditModuleOptions } from '../nestjs/options'
import { installContext } from '../nestjs/platform'
import { attachDataSources, carryThroughJobs } from '../nestjs/providers'

export { auditGuard, type GuardOptions } from '../../login/guard'
export type { AuditModuleAsyncOptions, AuditModuleOptions, NestContextOptions, NestRequest } from '../nestjs/options'
export { AuditJob } from './bullmq'

const OPTIONS = Symbol.for('typeorm-audit-logger.nestjs.options')

/**
 * Import it once, in the root module. Provides `AuditLogger` everywhere; attaches it to every data source of
 * `@nestjs/typeorm`; gives every request its context, with the user as guards leave it; lets the context travel through
 * the queues of `@nestjs/bullmq`; and closes last, when the application closes.
 *
 * @example
 * @Module({ imports: [AuditModule.forRoot({ userOrganisationField: 'organisation' }), TypeOrmModule.forRoot(…)] })
 * export class AppModule {}
 */
@Module({})
export class AuditModule {
  readonly #audit: AuditLogger
  readonly #options: AuditModuleOptions
  readonly #adapter: HttpAdapterHost
  readonly #modules: ModulesContainer

  constructor(
    @Inject(AuditLogger) audit: AuditLogger,
    @Inject(OPTIONS) options: AuditModuleOptions,
    @Inject(HttpAdapterHost) adapter: HttpAdapterHost,
    @Inject(ModulesContainer) modules: ModulesContainer,
  ) {
    this.#audit = audit
    this.#options = options
    this.#adapter = adapter
    this.#modules = modules
    orderHooks(modules)
    // Now, so that it stands before all that `main.ts` is going to use.
    this.#install()
  }

  static forRoot(options: AuditModuleOptions = {}): DynamicModule {
    return moduleOf({ provide: OPTIONS, useValue: options })
  }

  static forRootAsync({ imports = [], inject = [], useFactory }: AuditModuleAsyncOptions): DynamicModule {
    const factory = useFactory as (...dependencies: unknown[]) => AuditModuleOptions | Promise<AuditModuleOptions>
    return moduleOf({ provide: OPTIONS, inject, useFactory: factory }, imports)
  }

  /** NestJS asks for middleware when the application begins: all is made, and nothing has run yet. */
  configure(): void {
    // A testing module has its platform only now.
    this.#install()
    this.#connect()
  }

  /** Where there is no HTTP, this is the first that is heard; it comes before the workers of `@nestjs/bullmq` are made. */
  onModuleInit(): void {
    this.#connect()
  }

  /** When no request and no job is under way any more. */
  async onApplicationShutdown(): Promise<void> {
    await this.#audit.close()
  }

  #install(): void {
    const { context = {} } = this.#options
    if (context !== false && this.#audit.settings.enabled) installContext(this.#adapter, context, this.#audit)
  }

  #connect(): void {
    const { attach = true, jobs = true } = this.#options
    if (attach) attachDataSources(this.#modules, this.#audit)
    if (jobs) carryThroughJobs(this.#modules, this.#audit)
  }
}

function moduleOf(options: Provider, imports: NonNullable<DynamicModule['imports']> = []): DynamicModule {
  return {
    module: AuditModule,
    global: true,
    imports: [AuditFlush, ...imports],
    providers: [
      options,
      { provide: AuditLogger, inject: [OPTIONS], useFactory: loggerOf },
      { provide: APP_INTERCEPTOR, inject: [OPTIONS], useFactory: (given: AuditModuleOptions) => new ErrorWatch(given) },
    ],
    exports: [AuditLogger],
  }
}

function loggerOf(options: AuditModuleOptions): AuditLogger {
  const { context: _context, attach: _attach, jobs: _jobs, ...settings } = options
  return new AuditLogger(settings)
}

/** The first to be told that the application has stopped serving, as `AuditModule` is the last. */
@Module({})
class AuditFlush {
  constructor(@Inject(AuditLogger) private readonly audit: AuditLogger) {}

  /** Organisations that are still to be loaded need the data sources, which are destroyed next. */
  async onApplicationShutdown(): Promise<void> {
    await flushSoon(this.audit)
  }
}

/**
 * NestJS begins with the modules that are farthest from the root and ends with them. Global ones count as the farthest,
 * in the order of imports; but the last jobs must have ended, whose module is global too, before the logger closes.
 */
function orderHooks(modules: ModulesContainer): void {
  for (const module of modules.values()) {
    if (module.metatype === AuditModule) module.distance = Number.POSITIVE_INFINITY
    if (module.metatype === AuditFlush) module.distance = Number.NEGATIVE_INFINITY
  }
}
