// A client of graphql-transport-ws that sends what it is told, right or wrong.

import WebSocket from 'ws'

// biome-ignore lint/suspicious/noExplicitAny: messages of any shape
type Message = any

export type RawSocket = {
  ws: WebSocket
  send(message: object | string): void
  /** The next message that `wanted` takes. */
  next(wanted?: (message: Message) => boolean): Promise<Message>
  closed: Promise<{ code: number; reason: string }>
}

/** Opens a socket to /graphql of `url`, acknowledged when `authorization` is given. Rejects with the status or code of a refusal. */
export async function openRawSocket(
  url: string,
  authorization?: string,
  options: WebSocket.ClientOptions = {},
): Promise<RawSocket> {
  const ws = new WebSocket(`${url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws', options)
  const waiting: { wanted: (message: Message) => boolean; take: (message: Message) => void }[] = []
  const unread: Message[] = []
  ws.on('message', (data) => {
    const message = JSON.parse(String(data))
    const index = waiting.findIndex(({ wanted }) => wanted(message))
    if (index >= 0) waiting.splice(index, 1)[0]!.take(message)
    else unread.push(message)
  })
  ws.on('error', () => {})
  const raw: RawSocket = {
    ws,
    send: (message) => ws.send(typeof message === 'string' ? message : JSON.stringify(message)),
    next(wanted = () => true) {
      const index = unread.findIndex(wanted)
      if (index >= 0) return Promise.resolve(unread.splice(index, 1)[0])
      return new Promise((take) => waiting.push({ wanted, take }))
    },
    closed: new Promise((resolve) => ws.on('close', (code, reason) => resolve({ code, reason: String(reason) }))),
  }
  await new Promise((resolve, reject) => {
    ws.once('open', resolve)
    ws.once('unexpected-response', (_request, response) => reject(new Error(`status ${response.statusCode}`)))
  })
  if (authorization !== undefined) {
    raw.send({ type: 'connection_init', payload: { authorization } })
    const refused = raw.closed.then(({ code }) => Promise.reject(new Error(`closed with ${code}`)))
    await Promise.race([raw.next(({ type }) => type === 'connection_ack'), refused])
  }
  return raw
}
