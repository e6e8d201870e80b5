// What the proxies in front say of a request: whose it is, over which protocol, for which host. Promise: `X-Forwarded-*`
// headers count only from the networks of `SIVO_TRUSTED_PROXIES`. Those of anybody else are removed here, so that nothing
// behind this door can read them.

import type { IncomingMessage } from 'node:http'
import { isIP } from 'node:net'
import { isInNetworks, type Network } from '../domain/network-address.ts'

export type Forwarded = {
  /** Reads what the proxies say into the request: its `host`, its `x-forwarded-proto` and its client's address. */
  receive(request: IncomingMessage): void
  /** The address of the client: the last one before our proxies. Of a request that was received. */
  addressOf(request: IncomingMessage): string
}

export function createForwarded(trusted: readonly Network[]): Forwarded {
  const addresses = new WeakMap<IncomingMessage, string>()

  /** From the nearest proxy on: each trusted one says who was before it. */
  const clientOf = (peer: string, chain: string): string => {
    let client = peer
    for (const said of chain.split(',').reverse()) {
      if (!isInNetworks(client, trusted)) return client
      const before = plainAddress(said.trim())
      if (isIP(before) === 0) return client
      client = before
    }
    return client
  }

  return {
    receive(request) {
      const { headers } = request
      const peer = plainAddress(request.socket.remoteAddress ?? '')
      const isTrusted = isInNetworks(peer, trusted)
      const host = first(headers['x-forwarded-host'])
      if (isTrusted && host) headers.host = host
      addresses.set(request, isTrusted ? clientOf(peer, String(headers['x-forwarded-for'] ?? '')) : peer)
      delete headers['x-forwarded-host']
      if (!isTrusted) delete headers['x-forwarded-proto']
    },
    addressOf: (request) => addresses.get(request) ?? plainAddress(request.socket.remoteAddress ?? ''),
  }
}

function first(header: string | string[] | undefined): string {
  return String(header ?? '')
    .split(',')[0]!
    .trim()
}

/** Without the prefix of an IPv4 address in IPv6, brackets, or a port that some proxies add. */
function plainAddress(text: string): string {
  const bare = text.replace(/^\[([^\]]+)\](:\d+)?$/, '$1').replace(/^::ffff:(?=\d+\.)/i, '')
  return isIP(bare) === 0 ? bare.replace(/:\d+$/, '') : bare
}
