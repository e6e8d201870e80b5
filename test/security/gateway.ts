// A whole gateway as strangers meet it: its server on loopback, keys of every role, and what it logged.

import { request as httpRequest } from 'node:http'
import type WebSocket from 'ws'
import type { Viewer } from '../../src/context.ts'
import { createApiKey } from '../../src/gateway/admin/api-keys.ts'
import type { Role } from '../../src/generated/prisma/enums.ts'
import { createLog } from '../../src/log.ts'
import { schema } from '../../src/schema/index.ts'
import { startServer } from '../../src/server/http.ts'
import { type House, openHouse } from '../support/house.ts'
import { openRawSocket, type RawSocket } from '../support/raw-socket.ts'
import { operatorNamed } from '../support/viewers.ts'

// biome-ignore lint/suspicious/noExplicitAny: replies of any shape
export type Reply = any

export type Gateway = {
  house: House
  url: string
  /** Lines of the log, oldest first. */
  logged: string[]
  operator: Viewer
  /** A new key; `tenantId` null is for all tenants. */
  key(role: Role, tenantId: string | null): Promise<string>
  /** A request as bytes, without what fetch makes of it. */
  post(
    body: string | Uint8Array,
    key: string,
    headers?: Record<string, string>,
  ): Promise<{ status: number; text: string }>
  ask(key: string, query: string, variables?: object): Promise<Reply>
  /** The first result over server-sent events. */
  askEvents(key: string, query: string, variables?: object): Promise<Reply>
  socket(key: string, options?: WebSocket.ClientOptions): Promise<RawSocket>
  close(): Promise<void>
}

export async function openGateway(env: Record<string, string> = {}): Promise<Gateway> {
  const logged: string[] = []
  const log = createLog({
    level: env['LOG_LEVEL'] ?? 'trace',
    destination: { write: (line) => void logged.push(line) },
  })
  const house = await openHouse({ PORT: '0', ...env }, { log })
  const { ctx, feed, registry } = house.app
  const server = await startServer({ ctx, feed, schema, registry })
  const url = `http://127.0.0.1:${server.port}`
  const sockets: WebSocket[] = []
  const operator = operatorNamed('Operator of the tests')
  const json = (query: string, variables?: object) => JSON.stringify({ query, variables })
  const gateway: Gateway = {
    house,
    url,
    logged,
    operator,
    async key(role, tenantId) {
      const { secret } = await createApiKey(ctx, operator, { tenantId, name: `Key of ${role}`, role, expiresAt: null })
      return secret
    },
    post: (body, key, headers = {}) =>
      new Promise((resolve, reject) => {
        const request = httpRequest(
          `${url}/graphql`,
          {
            method: 'POST',
            headers: { 'content-type': 'application/json', authorization: `Bearer ${key}`, ...headers },
          },
          (response) => {
            const chunks: Buffer[] = []
            response.on('data', (chunk: Buffer) => chunks.push(chunk))
            response.once('end', () => resolve({ status: response.statusCode!, text: String(Buffer.concat(chunks)) }))
          },
        )
        request.once('error', reject)
        request.end(body)
      }),
    async ask(key, query, variables) {
      return JSON.parse((await gateway.post(json(query, variables), key)).text)
    },
    async askEvents(key, query, variables) {
      const leaving = new AbortController()
      const response = await fetch(`${url}/graphql`, {
        method: 'POST',
        signal: leaving.signal,
        headers: {
          'content-type': 'application/json',
          accept: 'text/event-stream',
          authorization: `Bearer ${key}`,
        },
        body: json(query, variables),
      })
      let text = ''
      for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
        text += chunk
        const data = /^data: (\{.*\})$/m.exec(text)?.[1]
        if (data) {
          leaving.abort()
          return JSON.parse(data)
        }
      }
      return JSON.parse(text)
    },
    async socket(key, options) {
      const socket = await openRawSocket(url, `Bearer ${key}`, options)
      sockets.push(socket.ws)
      return socket
    },
    async close() {
      for (const ws of sockets) ws.terminate()
      await server.close(1_000)
      await house.close()
    },
  }
  return gateway
}
