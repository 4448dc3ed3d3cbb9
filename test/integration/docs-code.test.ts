import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { anchorsOf, type Block, blocksOf, docsPages, linksOf } from '../support/docs-pages'
import { startRedisServer } from '../support/redis-server'
import { build } from '../support/shared'
import { ROOT, spawnNode } from '../support/spawn-process'

const pages = docsPages()
const blocks = pages.flatMap(blocksOf)
const ts = blocks.filter(({ info }) => /^(ts|typescript)\b/.test(info))
const IGNORED = /^ts ignore: \S.{10,}/

let directory: string

beforeAll(() => {
  mkdirSync(join(ROOT, '.cache'), { recursive: true })
  directory = mkdtempSync(join(ROOT, '.cache', 'docs-code-'))
})

afterAll(() => rmSync(directory, { recursive: true, force: true }))

/** The compiler's complaints, with the page and the line in it. */
async function compile(config: object, folder: string): Promise<string[]> {
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(config))
  const require = createRequire(join(ROOT, 'package.json'))
  const tsc = join(dirname(require.resolve('typescript/package.json')), 'bin', 'tsc')
  const said = await promisify(execFile)(process.execPath, [tsc, '-p', folder, '--pretty', 'false'], { cwd: folder })
    .then(() => '')
    .catch((error: { stdout: string }) => error.stdout)
  return said.split('\n').filter((line) => line !== '')
}

/** Below the blank lines that make its line numbers those of the page; a module, so that blocks do not see each other. */
function moduleOf({ line, code }: Block): string {
  // A line of dots stands for what the reader has there.
  const plain = code.replaceAll(/^\s*…\s*$/gm, '')
  return `${'\n'.repeat(line - 1)}${plain}\nexport {}\n`
}

describe('the code on the documentation pages', () => {
  it('is TypeScript that compiles against the source', { timeout: 120_000 }, async () => {
    const folder = join(directory, 'docs')
    mkdirSync(folder)
    symlinkSync(join(ROOT, 'local'), join(directory, 'local'))
    const prelude = readFileSync(join(ROOT, 'test/support/docs-prelude.txt'), 'utf8')
    writeFileSync(join(folder, 'prelude.d.ts'), prelude)
    const checked = ts.filter(({ info }) => !info.startsWith('ts ignore'))
    expect(checked.length).toBeGreaterThan(15)
    for (const block of checked) {
      writeFileSync(join(folder, `${block.page.replaceAll('/', '_')}.${block.line}.ts`), moduleOf(block))
    }
    const problems = await compile(
      {
        extends: '../../../tsconfig.json',
        compilerOptions: {
          noEmit: true,
          rootDir: '../../..',
          // As most bundlers and ESM projects: `await` at the top, imports without extension.
          module: 'esnext',
          moduleResolution: 'bundler',
          paths: {
            'typeorm-audit-logger': ['../../../src/index.ts'],
            'typeorm-audit-logger/worker': ['../../../worker/index.ts'],
            'typeorm-audit-logger/bullmq': ['../../../src/context/adapters/bullmq.ts'],
            'typeorm-audit-logger/command': ['../../../src/context/adapters/command.ts'],
            'typeorm-audit-logger/nestjs': ['../../../src/context/adapters/nestjs.ts'],
            'typeorm-audit-logger/express': ['../../../src/context/adapters/express.ts'],
            'typeorm-audit-logger/fastify': ['../../../src/context/adapters/fastify.ts'],
            'typeorm-audit-logger/http': ['../../../src/context/adapters/http.ts'],
            'typeorm-audit-logger/koa': ['../../../src/context/adapters/koa.ts'],
            'typeorm-audit-logger/passport': ['../../../src/login/passport.ts'],
            'typeorm-audit-logger/session': ['../../../src/login/session.ts'],
            'typeorm-audit-logger/reader': ['../../../src/reader/index.ts'],
            'typeorm-audit-logger/testing': ['../../../src/testing/index.ts'],
          },
        },
        include: ['.'],
        exclude: [],
      },
      folder,
    )
    expect(problems).toEqual([])
  })

  it('is only left out of that with a reason', () => {
    for (const { page, line, info } of ts.filter(({ info }) => info.startsWith('ts ignore'))) {
      expect([`${page}:${line}`, info]).toEqual([`${page}:${line}`, expect.stringMatching(IGNORED)])
    }
  })

  it('is JSON where it says so', () => {
    for (const { page, line, code } of blocks.filter(({ info }) => info.startsWith('json'))) {
      expect(() => JSON.parse(code), `${page}:${line}`).not.toThrow()
    }
  })
})

describe("the README's example", () => {
  it('runs as it stands, and gives the output that stands below it', { timeout: 120_000 }, async () => {
    await build()
    const run = blocks.find(({ page, info }) => page === 'README.md' && info === 'ts run')
    const output = blocks.find(({ page, info }) => page === 'README.md' && info === 'json output')
    const folder = join(directory, 'run')
    mkdirSync(folder)
    writeFileSync(join(folder, 'example.ts'), run?.code ?? '')
    const compilerOptions = { rootDir: '.', outDir: 'out' }
    const config = { extends: '../../../examples/express/tsconfig.json', compilerOptions, include: ['example.ts'] }
    expect(await compile(config, folder)).toEqual([])
    const server = await startRedisServer()
    const redis = new Redis(server.url)
    try {
      const example = spawnNode(join(folder, 'out/example.js'), [], { env: { REDIS_URL: server.url } })
      expect(await example.waitForExit(), example.output).toEqual({ code: 0, signal: null })
      expect(example.output.split('\n').slice(1), 'it says nothing').toEqual([])
      const events = (await redis.lrange('{audit-logger}:pending', 0, -1)).map((line) => JSON.parse(line) as object)
      expect(events).toMatchObject(
        ['AUDIT_STARTED', 'OBJ_CREATE', 'OBJ_UPDATE', 'AUDIT_STOPPED'].map((action) => ({ action })),
      )
      expect(timeless(events[2])).toEqual(timeless(JSON.parse(output?.code ?? '')))
    } finally {
      redis.disconnect()
      await server.stop()
    }
  })
})

describe('the links on the documentation pages', () => {
  it.each(pages)('of %s lead somewhere', (page) => {
    for (const link of linksOf(page).filter((address) => !/^https?:/.test(address))) {
      const [path = '', anchor] = link.split('#')
      const target = path === '' ? page : join(dirname(page), path)
      expect([link, existsSync(join(ROOT, target))]).toEqual([link, true])
      if (anchor !== undefined) expect(anchorsOf(target), link).toContain(anchor)
    }
  })

  it('of the index name every page', () => {
    const index = linksOf('docs/README.md').map((address) => `docs/${address}`)
    expect(index).toEqual(expect.arrayContaining(pages.filter((page) => /^docs\/(?!README)/.test(page))))
  })
})

/** The same but for what is different in every run: ids and times, which must be there and of the right form. */
function timeless(value: unknown): unknown {
  const text = JSON.stringify(value)
    .replaceAll(/"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"/g, '"<id>"')
    .replaceAll(/"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"/g, '"<time>"')
  return JSON.parse(text)
}
