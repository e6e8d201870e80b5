// A sender, an authority it trusts and a name server of its own, for receivers on this machine.

import type { TlsOptions } from 'node:tls'
import type { SendResult } from '../../src/domain/outcome.ts'
import { parseNetworks } from '../../src/domain/values/network-address.ts'
import { createSender, type Sender, type SenderOptions, type SendRequest } from '../../src/egress/send-request.ts'
import { type Authority, type Certificate, makeAuthority } from '../support/certificates.ts'
import { type DnsServer, openDnsServer } from '../support/dns-server.ts'
import { openScriptServer, type ScriptServer } from '../support/tls-script-server.ts'

/** The receivers' name; it leads to 127.0.0.1. */
const HOST = 'receiver.test'
export const BODY = Buffer.from('{"id":"evt_1","data":{"agent":"Zoë"}}')

export type Sending = {
  authority: Authority
  /** For HOST. */
  certificate: Certificate
  dns: DnsServer
  sender(options?: Partial<SenderOptions>): Sender
  /** A receiver that speaks raw bytes, and a function that posts to it. */
  script(options?: Partial<SenderOptions>, tls?: TlsOptions): Promise<{ receiver: ScriptServer; send: Send }>
  /** Posts to whatever listens on a port of this machine. */
  to(port: number, options?: Partial<SenderOptions>): Send
  /** Closes senders and receivers, for the next test. */
  closeOpened(): Promise<void>
  close(): Promise<void>
}
export type Send = (request?: Partial<SendRequest>) => Promise<SendResult>

export async function openSending(): Promise<Sending> {
  const authority = await makeAuthority()
  const certificate = await authority.issue({ names: [HOST] })
  const dns = await openDnsServer()
  dns.set(HOST, ['127.0.0.1'], 60)
  const opened: { close(): Promise<unknown> }[] = []

  const sending: Sending = {
    authority,
    certificate,
    dns,
    sender(options = {}) {
      const sender = createSender({
        timeoutMs: 3_000,
        allowedNetworks: parseNetworks('127.0.0.1/32'),
        allowedPorts: [443],
        dnsServers: [dns.address],
        ca: [authority.cert],
        ...options,
      })
      opened.push(sender)
      return sender
    },
    async script(options, tls = certificate) {
      const receiver = await openScriptServer(tls)
      opened.push(receiver)
      return { receiver, send: sending.to(receiver.port, options) }
    },
    to(port, options) {
      const sender = sending.sender(options)
      return (request = {}) =>
        sender.send({ url: `https://${HOST}:${port}/hooks`, headers: [], body: BODY, ...request })
    },
    async closeOpened() {
      for (const part of opened.splice(0).reverse()) await part.close()
    },
    async close() {
      await sending.closeOpened()
      await dns.close()
    },
  }
  return sending
}
