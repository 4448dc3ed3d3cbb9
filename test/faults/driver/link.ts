import type { AddressInfo } from 'node:net'
import { connect, createServer, type Server, type Socket } from 'node:net'
import type { Dice } from './dice'

export interface LinkOptions {
  readonly dice: Dice
  /** How likely a connection is cut instead of bringing a piece of an answer: what was asked has happened by then. */
  readonly cutReplies: number
}

/**
 * The network between one worker and one server, which a test can make as bad as networks are: it cuts connections
 * after the server has acted and before the answer arrives, it stops moving anything for a while, and it ends for good.
 */
export class Link {
  readonly #server: Server
  readonly #target: number
  readonly #sockets = new Set<Socket>()
  #options: LinkOptions | undefined
  #waiting: (() => void)[] | undefined
  #severed = false
  /** How many answers were lost. */
  cuts = 0

  private constructor(target: number, options: LinkOptions) {
    this.#target = target
    this.#options = options
    this.#server = createServer((client) => this.#join(client))
  }

  static async to(target: number, options: LinkOptions): Promise<Link> {
    const link = new Link(target, options)
    await new Promise<void>((resolve, reject) => {
      link.#server.once('error', reject)
      link.#server.listen(0, '127.0.0.1', resolve)
    })
    return link
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  /** No connection is cut from now on. */
  calm(): void {
    this.#options = undefined
  }

  /** Nothing moves in either direction, and nobody is told, until `thaw()`. */
  freeze(): void {
    this.#waiting ??= []
  }

  thaw(): void {
    const waiting = this.#waiting ?? []
    this.#waiting = undefined
    for (const move of waiting) move()
  }

  /** The end of a process that was killed: its connections are gone, and it makes no new ones. */
  sever(): void {
    this.#severed = true
    this.#waiting = undefined
    for (const socket of this.#sockets) socket.destroy()
    this.#server.close()
  }

  #join(client: Socket): void {
    const upstream = connect({ port: this.#target, host: '127.0.0.1', noDelay: true })
    client.setNoDelay(true)
    const end = () => {
      client.destroy()
      upstream.destroy()
    }
    for (const socket of [client, upstream]) {
      this.#sockets.add(socket)
      socket.on('error', end)
      socket.on('close', () => {
        this.#sockets.delete(socket)
        this.#move(end)
      })
    }
    // What a client had asked when it gave up while nothing moved is lost with its connection.
    client.on('data', (piece: Buffer) => this.#move(() => !client.destroyed && upstream.write(piece)))
    upstream.on('data', (piece: Buffer) =>
      this.#move(() => {
        const { dice, cutReplies } = this.#options ?? {}
        if (dice === undefined || cutReplies === undefined || !dice.chance(cutReplies)) return client.write(piece)
        this.cuts += 1
        return end()
      }),
    )
  }

  #move(move: () => void): void {
    if (this.#severed) return
    if (this.#waiting === undefined) move()
    else this.#waiting.push(move)
  }
}
