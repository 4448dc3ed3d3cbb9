import { parseArgs } from 'node:util'
import { startCloudWatch } from './server'

/**
 * The endpoint as a process of its own, so that it does not take CPU time from the process that is measured:
 * `node dist/local/cloudwatch/main.js [--port n] [--sink]`. Prints one JSON line, `{"url":"http://127.0.0.1:…"}`, when it
 * listens. `GET /_local/counts` answers with what came in. Ends with SIGTERM, SIGINT, or when a parent that forked it dies.
 */
async function main(): Promise<void> {
  const { values } = parseArgs({ options: { port: { type: 'string' }, sink: { type: 'boolean' } } })
  const endpoint = await startCloudWatch({ port: Number(values.port ?? 0), sink: values.sink ?? false })
  process.stdout.write(`${JSON.stringify({ url: endpoint.url })}\n`)
  // An open channel to the parent would keep the process alive.
  const stop = () => void endpoint.close().then(() => process.connected && process.disconnect())
  process.once('SIGTERM', stop)
  process.once('SIGINT', stop)
  process.once('disconnect', () => void endpoint.close())
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 1
})
