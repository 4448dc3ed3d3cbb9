import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { build } from './shared'
import {
  type Exit,
  ROOT,
  type SpawnedProcess,
  type SpawnProcessOptions,
  spawnNode,
  spawnProcess,
} from './spawn-process'
import { removeDirectory, temporaryDirectory } from './temp-directory'

const PEERS = ['typeorm', 'bullmq', '@aws-sdk/client-cloudwatch-logs', 'reflect-metadata']

/** An empty project with the packed package and its peers installed, as a user would have it. */
export class PackedProject {
  readonly directory: string

  private constructor(directory: string) {
    this.directory = directory
  }

  /** Packs dist/ and installs the tarball: the one slow step, some 10 s with a warm npm cache. */
  static async install(): Promise<PackedProject> {
    await build()
    const directory = temporaryDirectory('project')
    const project = new PackedProject(directory)
    mkdirSync(join(directory, 'packed'))
    await npm(['pack', '--ignore-scripts', '--pack-destination', join(directory, 'packed')], ROOT)
    const tarball = readdirSync(join(directory, 'packed')).map((name) => `./packed/${name}`)
    project.write('package.json', '{ "name": "project", "private": true }\n')
    // The versions of the lock file: they are in npm's cache already, and a new release must not fail an old commit.
    const peers = PEERS.map((name) => `${name}@${installedVersion(name)}`)
    const flags = ['--prefer-offline', '--ignore-scripts', '--no-audit', '--no-fund']
    await npm(['install', '--prefix', directory, ...flags, ...tarball, ...peers], directory)
    return project
  }

  write(path: string, text: string): string {
    writeFileSync(join(this.directory, path), text)
    return join(this.directory, path)
  }

  /** Writes and runs a script. Fails with its output unless it ends by itself with 0. @returns what it printed */
  async run(path: string, text: string, env: SpawnProcessOptions['env'] = {}): Promise<string> {
    const script = spawnNode(this.write(path, text), [], { cwd: this.directory, env })
    return succeeded(script, await script.waitForExit())
  }

  async command(command: string, ...args: string[]): Promise<string> {
    const child = spawnProcess(command, args, { cwd: this.directory })
    return succeeded(child, await child.waitForExit({ timeoutMs: 50_000 }))
  }

  remove(): void {
    removeDirectory(this.directory)
  }
}

async function npm(args: string[], cwd: string): Promise<void> {
  const child = spawnProcess('npm', args, { cwd, env: npmEnvironment() })
  succeeded(child, await child.waitForExit({ timeoutMs: 240_000 }))
}

/** How npm reaches its registry here. What `npm test` itself adds is left out: it names the repository as the project. */
function npmEnvironment(): Record<string, string | undefined> {
  const wanted = /^(npm_config_(registry|cache|userconfig|globalconfig|cafile|.*proxy)|.*_proxy|NODE_EXTRA_CA_CERTS)$/i
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => wanted.test(name)))
}

function installedVersion(name: string): string {
  return JSON.parse(readFileSync(join(ROOT, 'node_modules', name, 'package.json'), 'utf8')).version
}

function succeeded(child: SpawnedProcess, { code, signal }: Exit): string {
  if (code !== 0) throw new Error(`Ended with ${code ?? signal}:\n${child.output}`)
  return child.stdout.join('\n')
}
