// Two telephones that speak as much SIP over UDP as a call through a proxy needs. Texts are bytes, as Latin-1 has them.

import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { setTimeout as wait } from 'node:timers/promises'

export type Call = {
  readonly id: string
  /** What stands before the address of the caller. */
  readonly name: string
  /** Whether the called telephone answers after a second of ringing. */
  readonly answer: boolean
  readonly endedBy: 'caller' | 'called'
  /** What the caller asks for in the header Privacy. */
  readonly privacy?: string
}

export type Telephones = {
  readonly calledPort: number
  /** Makes the call, and resolves when it is over. */
  call(call: Call): Promise<void>
  close(): void
}

const HOST = '127.0.0.1'
const RING_MS = 1_100
const TALK_MS = 1_100

/** Opens both; calls go through the proxy at this port. */
export async function openTelephones(proxyPort: number): Promise<Telephones> {
  const [caller, called] = await Promise.all([open(), open()])
  const [callerPort, calledPort] = [caller.address().port, called.address().port]
  const send = (from: Socket, lines: readonly string[], port = proxyPort) =>
    from.send(
      Buffer.from([...lines.filter((line) => line !== ''), 'Content-Length: 0', '', ''].join('\r\n'), 'latin1'),
      port,
      HOST,
    )
  const reply = (from: Socket, message: string, status: string, port: number) => {
    const to = header(message, 'To')
    const same = ['Via', 'Record-Route', 'From', 'Call-ID', 'CSeq'].map((name) => header(message, name))
    const tagged = to.includes(';tag=') ? to : `${to};tag=called`
    send(from, [`SIP/2.0 ${status}`, ...same, tagged, `Contact: <sip:${HOST}:${calledPort}>`], port)
  }

  async function call({ id, name, answer, endedBy, privacy }: Call): Promise<void> {
    const address = `sip:+442079460958@${HOST}`
    const request = (method: string, { branch = method, route = '', tag = '', to = `${address}:${proxyPort}` } = {}) =>
      send(caller, [
        `${method} ${to} SIP/2.0`,
        `Via: SIP/2.0/UDP ${HOST}:${callerPort};branch=z9hG4bK${id}${branch}`,
        route,
        'Max-Forwards: 70',
        `From: ${name}<sip:+14155550132@${HOST}>;tag=${id}`,
        `To: <${address}>${tag}`,
        `Call-ID: ${id}@192.0.2.10`,
        `CSeq: ${method === 'BYE' ? 2 : 1} ${method}`,
        `Contact: <sip:${HOST}:${callerPort}>`,
        privacy ? `Privacy: ${privacy}` : '',
      ])
    const isOver = Promise.withResolvers<void>()
    const answered = (message: string) => ({
      route: header(message, 'Record-Route').replace('Record-Route', 'Route'),
      tag: ';tag=called',
      to: `sip:${HOST}:${calledPort}`,
    })
    const onCaller = async (data: Buffer) => {
      const message = data.toString('latin1')
      if (!message.includes(`Call-ID: ${id}@`)) return
      if (message.startsWith('BYE')) {
        reply(caller, message, '200 OK', proxyPort)
        isOver.resolve()
      } else if (/^SIP\/2.0 200.*CSeq: \d+ INVITE/s.test(message)) {
        request('ACK', answered(message))
        await wait(TALK_MS)
        if (endedBy === 'caller') request('BYE', answered(message))
      } else if (/^SIP\/2.0 200.*CSeq: \d+ BYE/s.test(message)) isOver.resolve()
      else if (/^SIP\/2.0 4/.test(message)) {
        request('ACK', { branch: 'INVITE', tag: ';tag=called' })
        isOver.resolve()
      } else if (message.startsWith('SIP/2.0 180') && !answer && endedBy === 'caller') {
        await wait(RING_MS)
        request('CANCEL', { branch: 'INVITE' })
      }
    }
    let invite = ''
    const onCalled = async (data: Buffer) => {
      const message = data.toString('latin1')
      if (message.startsWith('INVITE') && invite === '') {
        invite = message
        reply(called, message, '180 Ringing', proxyPort)
        if (!answer && endedBy === 'caller') return
        await wait(RING_MS)
        reply(called, message, answer ? '200 OK' : '486 Busy Here', proxyPort)
        if (!answer || endedBy === 'caller') return
        await wait(TALK_MS)
        send(called, [
          `BYE sip:${HOST}:${callerPort} SIP/2.0`,
          `Via: SIP/2.0/UDP ${HOST}:${calledPort};branch=z9hG4bK${id}called`,
          header(message, 'Record-Route').replace('Record-Route', 'Route'),
          'Max-Forwards: 70',
          `${header(message, 'To').replace('To', 'From')};tag=called`,
          header(message, 'From').replace('From', 'To'),
          header(message, 'Call-ID'),
          'CSeq: 7 BYE',
        ])
      } else if (message.startsWith('BYE')) reply(called, message, '200 OK', proxyPort)
      else if (message.startsWith('CANCEL')) {
        reply(called, message, '200 OK', proxyPort)
        reply(called, invite, '487 Request Terminated', proxyPort)
      }
    }
    caller.on('message', onCaller)
    called.on('message', onCalled)
    for (let attempt = 0; invite === '' && attempt < 50; attempt++) {
      request('INVITE')
      await wait(100)
    }
    await isOver.promise
    await wait(200)
    caller.off('message', onCaller)
    called.off('message', onCalled)
  }

  return {
    calledPort,
    call,
    close: () => {
      caller.close()
      called.close()
    },
  }
}

async function open(): Promise<Socket> {
  const socket = createSocket('udp4').bind(0, HOST)
  await once(socket, 'listening')
  return socket
}

/** The whole line of a header; '' where there is none. */
function header(message: string, name: string): string {
  return message.split('\r\n').find((line) => line.startsWith(`${name}:`)) ?? ''
}
