import { execFile, fork } from 'node:child_process'
import { createServer, type Server } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { networkInterfaces } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { CloudWatchLogsClient, DescribeLogGroupsCommand, PutLogEventsCommand } from '@aws-sdk/client-cloudwatch-logs'
import { afterAll, describe, expect, it } from 'vitest'
import { startCloudWatch } from '../../local/cloudwatch'
import { ROOT, spawnNode } from '../support/spawn-process'
import { removeDirectory, temporaryDirectory } from '../support/temp-directory'
import { waitFor } from '../support/wait-for'
import { events, GROUP, STREAM, setUp } from './local-client'

describe('closing the local endpoint', () => {
  it('ends idle keep-alive connections at once', async () => {
    const { endpoint, put } = await setUp()
    await put(events(1))
    await endpoint.close()
    await endpoint.close()
    // The client may learn only from its next call that the connection it kept has ended.
    const refused = () => put(events(1)).catch((error: { code?: string }) => error.code === 'ECONNREFUSED')
    expect(await waitFor(refused, { what: 'a refused connection' })).toBe(true)
    expect(endpoint.calls).toHaveLength(1)
  })

  it('ends calls that hang and calls that are delayed', async () => {
    const { endpoint, put } = await setUp()
    endpoint.faults.next('PutLogEvents', { kind: 'hang' }, { kind: 'none', delayMs: 60_000 })
    const waiting = Promise.allSettled([put(events(1)), put(events(1))])
    await waitFor(() => endpoint.calls.length === 2, { what: 'both calls' })
    await endpoint.close()
    expect(await waiting).toMatchObject([{ reason: { code: 'ECONNRESET' } }, { reason: { code: 'ECONNRESET' } }])
  })

  it('survives a client that goes away in the middle of its request', async () => {
    const { endpoint, put } = await setUp()
    const socket = connect(endpoint.port, '127.0.0.1')
    const head =
      'POST / HTTP/1.1\r\nhost: x\r\nx-amz-target: Logs_20140328.PutLogEvents\r\ncontent-length: 100\r\n\r\n{"log'
    await new Promise((resolve) => socket.write(head, resolve))
    socket.resetAndDestroy()
    await put(events(1))
    expect(endpoint.calls).toHaveLength(1)
  })
})

describe('the local endpoint', () => {
  it('listens on the loopback interface only', async () => {
    const { endpoint } = await setUp()
    const outside = Object.values(networkInterfaces())
      .flat()
      .find((address) => address?.family === 'IPv4' && !address.internal)
    const hosts = [...(outside ? [outside.address] : []), '127.0.0.2']
    for (const host of hosts) {
      const refused = new Promise((resolve) => connect(endpoint.port, host, () => resolve('open')).on('error', resolve))
      expect(await refused).toMatchObject({ code: 'ECONNREFUSED' })
    }
  })

  it('fails to start on a port that is taken', async () => {
    const { endpoint } = await setUp()
    await expect(startCloudWatch({ port: endpoint.port })).rejects.toMatchObject({ code: 'EADDRINUSE' })
  })

  it('shows the time of its own clock', async () => {
    const { endpoint } = await setUp({ now: () => Date.UTC(2030, 0, 1) })
    const { headers } = await fetch(`${endpoint.url}/_local/counts`)
    expect(headers.get('date')).toBe('Tue, 01 Jan 2030 00:00:00 GMT')
  })

  it('only counts when it is a sink, even what it would refuse', async () => {
    const { endpoint, client, put } = await setUp({ sink: true })
    const tricky = '{"timestamp":1,"nested":"\\"timestamp\\":2"}'
    await put(events(10_000, () => tricky))
    await put(events(2))
    await client.send(new PutLogEventsCommand({ logGroupName: 'none', logStreamName: 'none', logEvents: events(1) }))
    await client.send(new DescribeLogGroupsCommand({}))
    expect(endpoint.counts).toMatchObject({ puts: 3, events: 10_003 })
    expect(endpoint.counts.bodyBytes).toBeGreaterThan(10_000 * tricky.length)
    expect(endpoint.events(GROUP, STREAM)).toEqual([])
    expect(endpoint.callsOf('PutLogEvents')).toEqual([])
    const counts = await fetch(`${endpoint.url}/_local/counts`)
    expect(await counts.json()).toEqual(endpoint.counts)
  })
})

describe('the local endpoint as a process', () => {
  const directory = temporaryDirectory('local-endpoint')
  const taken: Server[] = []
  let built: Promise<string> | undefined

  afterAll(() => {
    for (const server of taken) server.close()
    removeDirectory(directory)
  })

  /** Compiles the endpoint alone: it needs nothing but Node, so a compiler error elsewhere is none of its business. */
  const build = () => {
    built ??= promisify(execFile)(process.execPath, [
      join(ROOT, 'node_modules/typescript/bin/tsc'),
      ...['--outDir', directory, '--rootDir', ROOT, '--module', 'nodenext', '--target', 'es2023', '--strict'],
      ...['--types', 'node', '--typeRoots', join(ROOT, 'node_modules/@types'), '--skipLibCheck', '--ignoreConfig'],
      join(ROOT, 'local/cloudwatch/main.ts'),
    ]).then(() => join(directory, 'local/cloudwatch/main.js'))
    return built
  }

  it('prints its URL as one JSON line, counts, and ends with SIGTERM', async () => {
    const server = spawnNode(await build(), ['--sink'])
    const { url } = JSON.parse(await server.waitForLine(/^\{/)) as { url: string }
    const credentials = { accessKeyId: 'AKIAINVENTED', secretAccessKey: 'invented' }
    const client = new CloudWatchLogsClient({ region: 'us-east-1', endpoint: url, credentials, maxAttempts: 1 })
    await client.send(new PutLogEventsCommand({ logGroupName: GROUP, logStreamName: STREAM, logEvents: events(7) }))
    expect(await (await fetch(`${url}/_local/counts`)).json()).toMatchObject({ puts: 1, events: 7 })
    expect(await server.kill('SIGTERM')).toEqual({ code: 0, signal: null })
    client.destroy()
    expect(server.stdout).toHaveLength(1)
  })

  it('ends with the parent that forked it', async () => {
    const child = fork(await build(), { stdio: ['ignore', 'pipe', 'inherit', 'ipc'] })
    const exited = new Promise((resolve) => child.once('exit', (code, signal) => resolve({ code, signal })))
    const timer = setTimeout(() => child.kill('SIGKILL'), 10_000)
    await new Promise((resolve) => child.stdout?.once('data', resolve))
    child.disconnect()
    expect(await exited).toEqual({ code: 0, signal: null })
    clearTimeout(timer)
  })

  it('says why it does not start and exits with 1', async () => {
    const other = createServer()
    taken.push(other)
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve))
    const server = spawnNode(await build(), ['--port', String((other.address() as AddressInfo).port)])
    expect(await server.waitForExit()).toMatchObject({ code: 1 })
    expect(server.stderr.join('\n')).toContain('EADDRINUSE')
    expect(server.stdout).toEqual([])
  })

  it('refuses an argument that it does not know', async () => {
    const server = spawnNode(await build(), ['--prot', '1'])
    expect(await server.waitForExit()).toMatchObject({ code: 1 })
    expect(server.stderr.join('\n')).toContain('--prot')
  })
})
