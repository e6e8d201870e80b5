// A receiver that speaks raw bytes over TLS, as told: it can be late, rude, endless or wrong.

import { once } from 'node:events'
import type { AddressInfo, Socket } from 'node:net'
import { createServer, type TLSSocket, type TlsOptions } from 'node:tls'

export type ScriptedRequest = {
  /** Request line. */
  line: string
  /** As they came over the wire, in their case. */
  headers: [string, string][]
  body: Buffer
  /** Connections are counted from 0, requests on one connection from 0. */
  connection: number
  onConnection: number
  socket: TLSSocket
  /** Ends the connection with a TCP reset. */
  reset(): void
}
export type Script = (request: ScriptedRequest) => void | Promise<void>

export type ScriptServer = {
  port: number
  requests: ScriptedRequest[]
  /** TCP connections seen, whether or not TLS came to be. */
  connectionCount(): number
  openCount(): number
  /** What to do from now on with each request. */
  answer(script: Script): void
  close(): Promise<void>
}

export const OK = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok'

export async function openScriptServer(tls: TlsOptions, { host = '127.0.0.1', port = 0 } = {}): Promise<ScriptServer> {
  const requests: ScriptedRequest[] = []
  const sockets = new Set<Socket>()
  const byRemotePort = new Map<number | undefined, Socket>()
  let connectionCount = 0
  let script: Script = ({ socket }) => void socket.write(OK)

  const server = createServer({ allowHalfOpen: true, ...tls }, (socket) => {
    const connection = connectionCount - 1
    const tcp = byRemotePort.get(socket.remotePort)
    const reset = () => void tcp?.resetAndDestroy()
    let onConnection = 0
    let pending: Buffer = Buffer.alloc(0)
    socket.on('error', () => {})
    socket.on('end', () => socket.end())
    socket.on('data', (chunk) => {
      pending = Buffer.concat([pending, chunk])
      for (let parsed = parse(pending); parsed; parsed = parse(pending)) {
        pending = parsed.rest
        const request = { ...parsed.request, connection, onConnection: onConnection++, socket, reset }
        requests.push(request)
        void script(request)
      }
    })
  })
  server.on('tlsClientError', () => {})
  server.on('connection', (socket: Socket) => {
    connectionCount++
    sockets.add(socket)
    byRemotePort.set(socket.remotePort, socket)
    socket.on('error', () => {})
    socket.on('close', () => sockets.delete(socket))
  })
  server.listen(port, host)
  await once(server, 'listening')

  return {
    port: (server.address() as AddressInfo).port,
    requests,
    connectionCount: () => connectionCount,
    openCount: () => sockets.size,
    answer: (next) => {
      script = next
    },
    async close() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}

function parse(bytes: Buffer) {
  const headEnd = bytes.indexOf('\r\n\r\n')
  if (headEnd === -1) return null
  const [line = '', ...lines] = bytes.toString('latin1', 0, headEnd).split('\r\n')
  const headers = lines.map((text): [string, string] => {
    const colon = text.indexOf(':')
    return [text.slice(0, colon), text.slice(colon + 1).trim()]
  })
  const length = Number(headers.find(([name]) => name.toLowerCase() === 'content-length')?.[1] ?? 0)
  const bodyStart = headEnd + 4
  if (bytes.length < bodyStart + length) return null
  const body = bytes.subarray(bodyStart, bodyStart + length)
  return { request: { line, headers, body }, rest: bytes.subarray(bodyStart + length) }
}
