import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import { isIP } from 'node:net'
import proxyAddr from 'proxy-addr'

/**
 * Which proxies are believed, as Express' `trust proxy` has it: addresses and networks (`10.0.0.0/8`, `loopback`,
 * `linklocal`, `uniquelocal`; a list, or a text with commas), the number of hops, a function, or all with `true`.
 */
export type TrustProxy = boolean | number | string | readonly string[] | ((address: string, hop: number) => boolean)

export type Trust = (address: string, hop: number) => boolean

/** @throws TypeError for what is no address, network or number of hops */
export function compileTrust(trusted: TrustProxy | undefined): Trust {
  if (typeof trusted === 'function') return trusted
  if (trusted === true) return () => true
  if (typeof trusted === 'number') {
    if (!Number.isInteger(trusted) || trusted < 0) throw new TypeError(`${trusted} is not a number of hops`)
    return (_, hop) => hop < trusted
  }
  if (trusted === undefined || trusted === false) return () => false
  const list = (typeof trusted === 'string' ? trusted.split(',') : [...trusted]).map((one) => one.trim())
  return proxyAddr.compile(list)
}

/**
 * The address of the client: of the forwarding header no more is believed than trusted proxies have written. Undefined
 * when the one that counts is no address ("unknown", or what a forger wrote): a wrong one would be worse than none.
 */
export function clientIp(headers: IncomingHttpHeaders, peer: string | undefined, trust: Trust): string | undefined {
  // All that proxy-addr reads of a request; of a closed socket the address would be gone.
  const request = { headers, socket: { remoteAddress: peer } } as IncomingMessage
  return normalIp(proxyAddr(request, trust))
}

/** Without the port that some proxies add, without the zone of a link-local address; IPv4 in IPv6 as IPv4. */
export function normalIp(address: string | undefined): string | undefined {
  if (typeof address !== 'string') return undefined
  const bare = withoutPort(address.trim()).replace(/%.*$/, '')
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(bare)?.[1] ?? mappedInHex(bare)
  const ip = mapped ?? bare
  return isIP(ip) === 0 ? undefined : ip.toLowerCase()
}

function withoutPort(address: string): string {
  return /^\[([^\]]*)\](?::\d+)?$/.exec(address)?.[1] ?? /^([\d.]+):\d+$/.exec(address)?.[1] ?? address
}

function mappedInHex(address: string): string | undefined {
  const [, high, low] = /^::ffff:([\da-f]{1,4}):([\da-f]{1,4})$/i.exec(address) ?? []
  if (high === undefined || low === undefined) return undefined
  const [a, b] = [Number.parseInt(high, 16), Number.parseInt(low, 16)]
  return `${a >> 8}.${a & 255}.${b >> 8}.${b & 255}`
}
