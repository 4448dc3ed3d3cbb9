import { once } from 'node:events'
import { connect } from 'node:net'
import { createInterface } from 'node:readline'

/** Everything that anybody tells a Redis server, until it is closed. */
export interface RedisMonitor {
  /** Each command with its arguments, in the order in which the server ran them. */
  readonly commands: readonly string[][]
  close(): void
}

/**
 * Resolves when the server has answered MONITOR; rejects if it refuses, or ends the connection instead. Without ioredis,
 * whose `monitor()` fails where another client's command comes in one packet with that answer.
 *
 * @example
 * const monitor = await monitorRedis(server.port)
 */
export async function monitorRedis(port: number): Promise<RedisMonitor> {
  const socket = connect(port, '127.0.0.1', () => socket.write('MONITOR\r\n'))
  const ended = once(socket, 'close').then(() => Promise.reject(new Error(`MONITOR on port ${port}: no answer`)))
  const commands: string[][] = []
  const lines = createInterface({ input: socket })
  const answered = new Promise<void>((resolve, reject) => {
    lines.on('line', (line) => {
      if (line === '+OK') resolve()
      else if (line.startsWith('+')) commands.push(argumentsOf(line))
      else reject(new Error(`MONITOR on port ${port}: ${line}`))
    })
  })
  try {
    await Promise.race([answered, ended])
  } catch (error) {
    socket.destroy()
    throw error
  }
  // A server that is killed later, as tests do, has nothing more to say.
  ended.catch(() => undefined)
  socket.on('error', () => undefined)
  return { commands, close: () => void socket.destroy() }
}

/** The quoted words of a line; Redis writes all that is not printable ASCII as `\n`, `\"`, `\xC3` and so on. */
function argumentsOf(line: string): string[] {
  return [...line.matchAll(/"((?:[^"\\]|\\.)*)"/g)].map(([, quoted = '']) => unquoted(quoted))
}

const ESCAPED: Record<string, string> = { n: '\n', r: '\r', t: '\t', a: '\x07', b: '\b' }

function unquoted(quoted: string): string {
  const bytes = quoted.replaceAll(/\\(?:x([0-9a-f]{2})|(.))/gi, (_, code: string | undefined, letter: string) =>
    code === undefined ? (ESCAPED[letter] ?? letter) : String.fromCharCode(Number.parseInt(code, 16)),
  )
  return Buffer.from(bytes, 'latin1').toString('utf8')
}
