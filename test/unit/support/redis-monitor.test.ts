import { createServer, type Server } from 'node:net'
import { afterEach, expect, it } from 'vitest'
import { monitorRedis, type RedisMonitor } from '../../support/redis-monitor'
import { waitFor } from '../../support/wait-for'

let server: Server
let monitor: RedisMonitor | undefined

afterEach(() => {
  monitor?.close()
  monitor = undefined
  server.close()
})

/** Answers whatever it is asked with these packets. */
async function serverSaying(...packets: string[]): Promise<number> {
  server = createServer((socket) => {
    socket.once('data', async () => {
      for (const packet of packets) {
        await new Promise((resolve) => socket.write(packet, resolve))
        await new Promise(setImmediate)
      }
      if (packets.length === 0) socket.destroy()
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return (server.address() as { port: number }).port
}

it("hears another client's command that comes in one packet with the answer to MONITOR", async () => {
  const port = await serverSaying('+OK\r\n+1795275688.141029 [0 127.0.0.1:58160] "info"\r\n')
  monitor = await monitorRedis(port)
  const heard = monitor
  await waitFor(() => heard.commands.length > 0, { what: 'the first command' })
  expect(heard.commands).toEqual([['info']])
})

it('puts commands together from several packets, and undoes what Redis escapes', async () => {
  const port = await serverSaying(
    '+OK\r\n+1.5 [0 127.0.0.1:1] "RPUSH" "k',
    'ey" "a \\"quoted\\" \\\\ \\xc3\\xbc\\r\\n" ""\r\n+1.6 [0 lua] "get" "x"\r\n',
  )
  monitor = await monitorRedis(port)
  const heard = monitor
  await waitFor(() => heard.commands.length > 1, { what: 'both commands' })
  expect(heard.commands).toEqual([
    ['RPUSH', 'key', 'a "quoted" \\ ü\r\n', ''],
    ['get', 'x'],
  ])
})

it('rejects with what the server says instead', async () => {
  const port = await serverSaying('-NOAUTH Authentication required.\r\n')
  await expect(monitorRedis(port)).rejects.toThrow('-NOAUTH Authentication required.')
})

it('rejects if the server ends the connection', async () => {
  await expect(monitorRedis(await serverSaying())).rejects.toThrow('no answer')
})
