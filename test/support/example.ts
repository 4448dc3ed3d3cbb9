import { execFile } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { build } from './shared'
import { ROOT, type SpawnedProcess, spawnNode } from './spawn-process'

/** An example application, compiled and running in a process of its own as its README says. */
export class Example {
  readonly url: string
  readonly process: SpawnedProcess
  readonly #directory: string

  private constructor(directory: string, process: SpawnedProcess, url: string) {
    this.#directory = directory
    this.process = process
    this.url = url
  }

  static async start(name: string, env: Record<string, string>): Promise<Example> {
    await build()
    const directory = compileCopy(name)
    await promisify(execFile)(process.execPath, [compiler(), '-p', directory]).catch((error: { stdout?: string }) => {
      throw new Error(`The example does not compile:\n${error.stdout}`)
    })
    const started = spawnNode(join(directory, 'dist/main.js'), [], { env: { PORT: '0', ...env } })
    const line = await started.waitForLine(/listening on/)
    return new Example(directory, started, line.replace('listening on ', ''))
  }

  async call(method: string, path: string, body?: object, headers: Record<string, string> = {}) {
    const response = await fetch(this.url + path, {
      method,
      headers: { 'user-agent': 'vitest', ...(body && { 'content-type': 'application/json' }), ...headers },
      ...(body && { body: JSON.stringify(body) }),
    })
    const text = await response.text()
    return { status: response.status, body: (text === '' ? {} : JSON.parse(text)) as Record<string, unknown> }
  }

  async remove(): Promise<void> {
    await this.process.kill()
    rmSync(this.#directory, { recursive: true, force: true })
  }
}

/** Below the repository but outside of the example's own package: `typeorm-audit-logger` is then this package itself. */
function compileCopy(name: string): string {
  mkdirSync(join(ROOT, '.cache'), { recursive: true })
  const copy = mkdtempSync(join(ROOT, '.cache', `example-${name}-`))
  for (const part of ['src', 'tsconfig.json'])
    cpSync(join(ROOT, 'examples', name, part), join(copy, part), { recursive: true })
  return copy
}

function compiler(): string {
  const require = createRequire(join(ROOT, 'package.json'))
  return join(dirname(require.resolve('typescript/package.json')), 'bin', 'tsc')
}

interface Package {
  version: string
  dependencies?: Record<string, string>
  devDependencies?: Record<string, string>
  peerDependencies?: Record<string, string>
  peerDependenciesMeta?: Record<string, { optional?: boolean }>
}

/** What is wrong with an example's package.json: an import it does not name, a version that is not the tested one. */
export function packageProblems(name: string): string[] {
  const own = readJson(join(ROOT, 'examples', name, 'package.json'))
  const root = readJson(join(ROOT, 'package.json'))
  const tested = { ...root.peerDependencies, ...root.dependencies, ...root.devDependencies }
  const { 'typeorm-audit-logger': self, ...others } = { ...own.dependencies, ...own.devDependencies }
  const optional = root.peerDependenciesMeta ?? {}
  const needed = [
    ...importsOf(join(ROOT, 'examples', name, 'src')),
    ...Object.keys(root.peerDependencies ?? {}).filter((peer) => !optional[peer]?.optional),
  ]
  return [
    ...needed.filter((one) => own.dependencies?.[one] === undefined).map((one) => `${one} is missing`),
    ...Object.entries(others)
      .filter(([one, version]) => version !== tested[one])
      .map(([one, version]) => `${one} is ${version}, tested is ${tested[one]}`),
    ...(self === `^${root.version}` ? [] : [`typeorm-audit-logger is ${self}`]),
  ]
}

/** The packages that its sources import, without subpaths. */
function importsOf(directory: string): string[] {
  const sources = readdirSync(directory, { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('.ts'))
  const names = sources.flatMap((path) =>
    [...readFileSync(join(directory, path), 'utf8').matchAll(/(?:from|import) '([^'.][^']*)'/g)].map(
      ([, one = '']) => one,
    ),
  )
  const packages = names
    .filter((one) => !one.startsWith('node:'))
    .map((one) => /^(@[^/]+\/)?[^/]+/.exec(one)?.[0] ?? one)
  return [...new Set(packages)]
}

function readJson(path: string): Package {
  return JSON.parse(readFileSync(path, 'utf8')) as Package
}
