// GraphQL over WebSocket: subscriptions only (socket-protocol.ts). What ends a socket has a close code of its own:
//
//   1001 the server stops · 1013 the client does not read, or has too many sockets · 4403 no such credential, or no longer
//   1009 a message above the bound · 4400 4401 4406 4408 4409 4429 as the protocol says
//
// A page of another origin that comes with a session's cookie gets no socket: 403. With a key it does no harm.

import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { CloseCode, handleProtocols } from 'graphql-ws'
import type { Logger } from 'pino'
import { type WebSocket, WebSocketServer } from 'ws'
import { readSession } from '../access/authenticate.ts'
import { CLOSE, closeOfProtocol } from '../access/close-codes.ts'
import { MAX_MESSAGE_BYTES, MAX_PILED_BYTES, MAX_SOCKETS, MAX_UNKNOWN_SOCKETS } from '../http/limits.ts'
import {
  createSocketProtocol,
  hangUp,
  type ProtocolParts,
  type SocketProtocol,
  type SocketState,
} from './socket-protocol.ts'

const KEEP_ALIVE_MS = 12_000

export type WebSocketParts = Omit<ProtocolParts, 'onKnown'> & { readonly log: Logger }

export type WebSocketDoor = {
  /** Takes over an upgrade request to /graphql. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void
  /** Says goodbye to every client and waits for it, a second at most. */
  close(): Promise<void>
}

export function createWebSocketDoor({ log, ...parts }: WebSocketParts): WebSocketDoor {
  const door = new WebSocketServer({
    noServer: true,
    maxPayload: MAX_MESSAGE_BYTES,
    perMessageDeflate: false,
    handleProtocols: (protocols) => handleProtocols(protocols),
  })
  const unknown = new Set<WebSocket>()
  const protocol = createSocketProtocol({ ...parts, onKnown: (socket) => unknown.delete(socket) })

  door.on('connection', (socket: WebSocket, request: IncomingMessage) => {
    unknown.add(socket)
    socket.once('close', () => unknown.delete(socket))
    converse(protocol, { socket, request }, log)
  })

  return {
    upgrade(request, socket, head) {
      const { origins } = parts
      const { headers } = request
      if (!origins.isOwn(headers) && readSession(headers.cookie, origins.cookieName('session', request)))
        return refuseUpgrade(socket, '403 Forbidden', origins.describeOther(headers))
      if (door.clients.size >= MAX_SOCKETS || unknown.size >= MAX_UNKNOWN_SOCKETS)
        return refuseUpgrade(socket, '503 Service Unavailable', 'Too many sockets are open. Try again later.')
      door.handleUpgrade(request, socket, head, (client) => door.emit('connection', client, request))
    },
    async close() {
      const gone = [...door.clients].map((client) => new Promise((resolve) => client.once('close', resolve)))
      for (const client of door.clients) hangUp(client, CLOSE.serverStops)
      await Promise.all(gone)
      door.close()
    },
  }
}

/** Hands a socket's messages to the protocol and its answers to the socket, until the socket closes. */
function converse(protocol: SocketProtocol, state: SocketState, log: Logger): void {
  const { socket } = state
  const closed = protocol.opened(
    {
      protocol: socket.protocol,
      // The next result waits until this one is on its way: a slow reader holds one message per subscription.
      send: (data) =>
        new Promise((resolve, reject) => {
          if (socket.readyState !== socket.OPEN) return resolve()
          socket.send(data, (error) => (error ? reject(error) : resolve()))
        }),
      close(code, reason) {
        const close = closeOfProtocol(code ?? CloseCode.InternalServerError, reason ?? '')
        socket.close(close.code, close.reason)
      },
      onMessage: (take) =>
        socket.on('message', (data) => {
          if (socket.bufferedAmount > MAX_PILED_BYTES) return socket.terminate()
          take(String(data)).catch((error: unknown) => {
            if (socket.readyState !== socket.OPEN) return
            log.error({ err: error }, 'socket.failed')
            socket.close(CloseCode.InternalServerError, 'Internal server error')
          })
        }),
    },
    state,
  )
  const stopPinging = keepAlive(socket)
  // ws closes by itself with the code that fits: 1009 for a message that is too large, 1002 for one that is none.
  socket.on('error', (error) => log.debug({ err: error }, 'socket.refused'))
  socket.once('close', (code, reason) => {
    stopPinging()
    state.leave?.()
    closed(code, String(reason)).catch((error: unknown) => log.error({ err: error }, 'socket.not_closed'))
  })
}

/** Answers an upgrade that leads nowhere. */
export function refuseUpgrade(socket: Duplex, status: string, words: string): void {
  const body = `${words}\n`
  socket.end(
    `HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  )
}

/** Pings, and drops a client that did not answer the last one. */
function keepAlive(socket: WebSocket): () => void {
  let answered = true
  socket.on('pong', () => {
    answered = true
  })
  const timer = setInterval(() => {
    if (!answered) return socket.terminate()
    answered = false
    socket.ping()
  }, KEEP_ALIVE_MS)
  timer.unref()
  return () => clearInterval(timer)
}
