import { readFileSync } from 'node:fs'
import type { LocalCloudWatch } from '../../local/cloudwatch'
import { type SpawnedProcess, spawnCli, spawnNode } from './spawn-process'

export const GROUP = 'audit'
export const STREAM = 'shop'

/** What a real application and a real worker are told through their environment. */
export function environmentFor(redisUrl: string, endpoint: LocalCloudWatch, minutes = 0.01): Record<string, string> {
  return {
    AUDIT_LOGGER_REDIS_URL: redisUrl,
    AUDIT_LOGGER_ENDPOINT: endpoint.url,
    AUDIT_LOGGER_REGION: 'eu-central-1',
    AUDIT_LOGGER_KEY_ID: 'AKIALOCAL',
    AUDIT_LOGGER_SECRET_ACCESS_KEY: 'local-secret',
    AUDIT_LOGGER_GROUP_NAME: GROUP,
    AUDIT_LOGGER_STREAM_NAME: STREAM,
    LOG_INTERVAL: String(minutes),
    // Tests count their own events; those about the logger itself have tests of their own.
    AUDIT_LOGGER_LIFECYCLE_EVENTS: 'false',
  }
}

/** @param pauseMs after every 200 events */
export function spawnProducer(name: string, count: number, pauseMs: number, env: Record<string, string>) {
  return spawnNode('test/support/programs/producer.mjs', [name, String(count), String(pauseMs)], { env })
}

/** The real command. */
export function spawnWorker(env: Record<string, string>): SpawnedProcess {
  return spawnCli(['worker'], { env })
}

/** A worker in a process of its own with a lease and waits short enough to be killed many times in a minute. */
export function spawnTunedWorker(env: Record<string, string>): SpawnedProcess {
  const tuning = { leaseMs: 1_500, requestTimeoutMs: 1_000, reconcileWaitsMs: [20, 150], patienceMs: 20_000 }
  return spawnNode('test/support/programs/worker.mjs', [JSON.stringify(tuning)], { env })
}

/** The most memory a process ever held, in MB. */
export function peakMemoryMb(pid: number): number {
  return Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? Number.NaN) / 1024
}
