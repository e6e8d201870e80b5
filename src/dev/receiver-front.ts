// The HTTPS address of the test receivers on this machine: what a proxy with a certificate is for a gateway on the internet. It
// passes on requests to test receivers and nothing else.

import { once } from 'node:events'
import { type IncomingMessage, request as requestHttp, type ServerResponse } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { CertificateAuthority } from './certificate-authority.ts'

export type ReceiverFront = {
  /** Without a slash at the end. */
  readonly url: string
  /** Passes requests on to the gateway at this port of this machine from now on. */
  forwardTo(gatewayPort: number): void
  close(): Promise<void>
}

/** Stays the same over restarts, so that the URLs of endpoints stay good. */
const PORT = 18_445
const PATH = /^\/receive\/[\w-]+$/

/** Opens it on the loopback interface, at `port` if that is free, otherwise at another one. */
export async function openReceiverFront(authority: CertificateAuthority, port = PORT): Promise<ReceiverFront> {
  let gatewayPort: number | null = null
  const certificate = authority.issue(['localhost', '127.0.0.1', '::1'])
  const server = createServer(certificate, (incoming, response) => {
    response.on('error', () => undefined)
    if (!PATH.test(incoming.url ?? '')) response.writeHead(404).end('Only test receivers are here.\n')
    else if (gatewayPort === null) response.writeHead(503, { 'retry-after': '1' }).end('The gateway starts.\n')
    else passOn(incoming, response, gatewayPort)
  })
  server.on('tlsClientError', () => undefined)
  for (const wanted of [port, 0]) {
    server.listen(wanted, '127.0.0.1')
    const isOpen = await once(server, 'listening').then(
      () => true,
      () => false,
    )
    if (isOpen) break
  }
  const taken = server.address() as AddressInfo | null
  if (taken === null) throw new Error('Expected a free port on 127.0.0.1 for the test receivers, got none.')
  return {
    url: `https://localhost:${taken.port}`,
    forwardTo(wanted) {
      gatewayPort = wanted
    },
    async close() {
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    },
  }
}

function passOn(incoming: IncomingMessage, response: ServerResponse, port: number) {
  const { url, method, rawHeaders } = incoming
  const onward = requestHttp({ host: 'localhost', port, path: url, method, headers: rawHeaders }, (reply) => {
    response.writeHead(reply.statusCode ?? 502, reply.headers)
    reply.pipe(response)
  })
  onward.once('error', () => {
    if (response.headersSent) response.destroy()
    else response.writeHead(502).end('The gateway did not answer.\n')
  })
  response.once('close', () => onward.destroy())
  incoming.pipe(onward)
}
