import { type ChildProcess, fork } from 'node:child_process'
import { connect } from 'node:net'

/** What the load generator is asked for: so many requests, each sent when the answer to the one before is there. */
interface Order {
  port: number
  requests: number
  connections: number
}

/** The last bytes of every answer: nothing of HTTP has to be parsed to know that it is complete. */
export const END = 'END'

const REQUEST = Buffer.from('GET /invoices/7?page=2 HTTP/1.1\r\nhost: bench\r\nuser-agent: bench/1.0\r\n\r\n')

/** A process of its own that sends requests over raw connections: so the measured process does nothing but answer. */
export class LoadGenerator {
  readonly #child: ChildProcess = fork(__filename, { stdio: 'inherit' })

  send(order: Order): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#child.once('message', (problem) => (problem === null ? resolve() : reject(new Error(String(problem)))))
      this.#child.send(order)
    })
  }

  stop(): void {
    this.#child.kill()
  }
}

function perform({ port, requests, connections }: Order): Promise<void> {
  let left = requests
  const one = () =>
    new Promise<void>((resolve, reject) => {
      const socket = connect(port, '127.0.0.1').setNoDelay()
      const next = () => {
        if (left <= 0) {
          socket.end()
          resolve()
          return
        }
        left -= 1
        socket.write(REQUEST)
      }
      socket.on('connect', next).on('error', reject)
      socket.on('data', (piece: Buffer) => {
        if (piece.subarray(-END.length).toString('latin1') === END) next()
      })
      socket.on('close', () => reject(new Error('the connection was closed')))
    })
  return Promise.all(Array.from({ length: connections }, one)).then(() => undefined)
}

if (require.main === module) {
  process.on('message', (order: Order) => {
    perform(order).then(
      () => process.send?.(null),
      (error: Error) => process.send?.(error.message),
    )
  })
}
