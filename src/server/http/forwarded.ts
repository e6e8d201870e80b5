// What the proxies in front say of a request: whose it is, over which protocol, for which host. Promise: `X-Forwarded-*`
// headers count only from the networks of `SIVO_TRUSTED_PROXIES`. Those of anybody else are removed here, so that nothing
// behind this door can read them.

import type { IncomingMessage } from 'node:http'
import { isIP, type Socket } from 'node:net'
import { isInNetworks, type Network } from '../../domain/values/network-address.ts'

export type Forwarded = {
  /** Reads what the proxies say into the request: its `host`, its `x-forwarded-proto` and its client's address. */
  receive(request: IncomingMessage): void
  /** The address of the client: the last one before our proxies. Of a request that was received. */
  addressOf(request: IncomingMessage): string
}

export function createForwarded(trusted: readonly Network[]): Forwarded {
  /** The clients of requests that came through our proxies. */
  const clients = new WeakMap<IncomingMessage, string>()
  const peers = new WeakMap<Socket, Peer>()

  /** The same for all requests of a connection. */
  const peerOf = ({ socket }: IncomingMessage): Peer => {
    const known = peers.get(socket)
    if (known) return known
    const address = plainAddress(socket.remoteAddress ?? '')
    const peer = { address, isTrusted: isInNetworks(address, trusted) }
    peers.set(socket, peer)
    return peer
  }

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
      const { address, isTrusted } = peerOf(request)
      if (isTrusted) {
        const host = first(headers['x-forwarded-host'])
        if (host) headers.host = host
        clients.set(request, clientOf(address, String(headers['x-forwarded-for'] ?? '')))
      }
      remove(headers, 'x-forwarded-host')
      if (!isTrusted) remove(headers, 'x-forwarded-proto')
    },
    addressOf: (request) => clients.get(request) ?? peerOf(request).address,
  }
}

/** Who opened the connection. */
type Peer = { readonly address: string; readonly isTrusted: boolean }

/** An object is slower to read once anything was deleted from it, and few requests have such a header. */
function remove(headers: IncomingMessage['headers'], name: string): void {
  if (headers[name] !== undefined) delete headers[name]
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
