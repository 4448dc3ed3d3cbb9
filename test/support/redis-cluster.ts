import { Redis } from 'ioredis'
import { type RedisServer, startRedisServer } from './redis-server'
import { waitFor } from './wait-for'

const SLOTS = 16_384

/** A real Redis Cluster of masters on loopback ports, each with its share of the slots. */
export interface RedisCluster {
  readonly servers: readonly RedisServer[]
  readonly nodes: { host: string; port: number }[]
  /** Which server holds the slot of a key. */
  serverOf(key: string): Promise<RedisServer>
  stop(): Promise<void>
}

/**
 * @example
 * const cluster = await startRedisCluster()
 * const redis = new Cluster(cluster.nodes)
 */
export async function startRedisCluster(count = 3): Promise<RedisCluster> {
  const args = ['--cluster-enabled', 'yes', '--cluster-node-timeout', '2000', '--cluster-require-full-coverage', 'no']
  const servers: RedisServer[] = []
  const stop = async () => void (await Promise.all(servers.map((server) => server.stop())))
  try {
    // One after the other: two that start at once could choose each other's bus port (ten thousand above their own).
    for (let i = 0; i < count; i += 1) servers.push(await startRedisServer({ appendonly: true, args }))
    await join(servers)
    return {
      servers,
      nodes: servers.map(({ port }) => ({ host: '127.0.0.1', port })),
      serverOf: (key) => serverOf(servers, key),
      stop,
    }
  } catch (error) {
    await stop()
    throw error
  }
}

async function join(servers: readonly RedisServer[]): Promise<void> {
  const clients = servers.map(({ url }) => new Redis(url))
  try {
    const size = Math.ceil(SLOTS / servers.length)
    for (const [i, client] of clients.entries()) {
      await client.call('CLUSTER', 'SET-CONFIG-EPOCH', String(i + 1))
      const last = Math.min((i + 1) * size, SLOTS) - 1
      await client.call('CLUSTER', 'ADDSLOTSRANGE', String(i * size), String(last))
    }
    // Not before: a node that another has met already can no longer be given its epoch.
    for (const { port } of servers) await clients[0]?.call('CLUSTER', 'MEET', '127.0.0.1', String(port))
    await waitFor(
      async () => {
        const infos = await Promise.all(clients.map((client) => client.call('CLUSTER', 'INFO')))
        return infos.every(
          (info) =>
            String(info).includes('cluster_state:ok') &&
            String(info).includes(`cluster_slots_ok:${SLOTS}`) &&
            String(info).includes(`cluster_known_nodes:${servers.length}`),
        )
      },
      { what: 'the cluster to form', timeoutMs: 60_000, intervalMs: 100 },
    )
  } finally {
    for (const client of clients) client.disconnect()
  }
}

async function serverOf(servers: readonly RedisServer[], key: string): Promise<RedisServer> {
  for (const server of servers) {
    const client = new Redis(server.url)
    // A node answers MOVED for the keys of another.
    const mine = await client.exists(key).then(
      () => true,
      () => false,
    )
    client.disconnect()
    if (mine) return server
  }
  throw new Error(`No server of the cluster holds the slot of ${key}`)
}
