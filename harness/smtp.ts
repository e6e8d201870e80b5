// A real SMTP server on loopback that keeps what it accepts. It can be stopped, and started again on its port.

import { once } from 'node:events'
import { SMTPServer, type SMTPServerOptions } from 'smtp-server'
import { freePort } from '../src/dev/free-port.ts'

export type ReceivedMail = {
  readonly to: readonly string[]
  readonly headers: ReadonlyMap<string, string>
  readonly text: string
}

export type TestSmtp = {
  readonly port: number
  readonly mails: ReceivedMail[]
  until(isEnough: (mails: readonly ReceivedMail[]) => boolean, timeoutMs?: number): Promise<readonly ReceivedMail[]>
  stop(): Promise<void>
  start(): Promise<void>
}

/** Addresses whose local part is `unknown` are refused with 550. */
export async function startSmtp(options: SMTPServerOptions = {}): Promise<TestSmtp> {
  const mails: ReceivedMail[] = []
  let server: SMTPServer
  const port = await freePort()
  const start = async () => {
    server = new SMTPServer({
      authOptional: true,
      disabledCommands: ['STARTTLS'],
      onRcptTo({ address }, _session, done) {
        const error = Object.assign(new Error('5.1.1 No such user here'), { responseCode: 550 })
        done(address.startsWith('unknown@') ? error : null)
      },
      onData(stream, { envelope }, done) {
        const chunks: Buffer[] = []
        stream.on('data', (chunk: Buffer) => chunks.push(chunk))
        stream.on('end', () => {
          mails.push(
            parse(
              Buffer.concat(chunks).toString(),
              envelope.rcptTo.map(({ address }) => address),
            ),
          )
          done()
        })
      },
      ...options,
    })
    server.on('error', () => {})
    server.listen(port, '127.0.0.1')
    await once(server.server, 'listening')
  }
  await start()
  return {
    port,
    mails,
    start,
    stop: () => new Promise((resolve) => server.close(() => resolve())),
    async until(isEnough, timeoutMs = 20_000) {
      const deadline = performance.now() + timeoutMs
      while (!isEnough(mails)) {
        if (performance.now() > deadline)
          throw new Error(
            `Waited ${timeoutMs} ms for mail. What came: ${JSON.stringify(mails.map(({ text }) => text))}`,
          )
        await new Promise((resolve) => setTimeout(resolve, 10))
      }
      return mails
    },
  }
}

function parse(raw: string, to: string[]): ReceivedMail {
  const end = raw.indexOf('\r\n\r\n')
  const lines = raw
    .slice(0, end)
    .replace(/\r\n[ \t]+/g, ' ')
    .split('\r\n')
  const headers = new Map(
    lines.map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 1).trim()]),
  )
  const body = raw.slice(end + 4)
  const encoding = headers.get('content-transfer-encoding')
  return { to, headers, text: decode(body, encoding).replaceAll('\r\n', '\n') }
}

function decode(body: string, encoding: string | undefined): string {
  if (encoding === 'base64') return Buffer.from(body, 'base64').toString()
  if (encoding !== 'quoted-printable') return body
  const bytes = body
    .replace(/=\r\n/g, '')
    .replace(/=([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
  return Buffer.from(bytes, 'latin1').toString()
}
