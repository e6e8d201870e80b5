// Opening the port of the server, and a sentence for each way in which that fails.

import { once } from 'node:events'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'

/** The server cannot listen at its address. The message says why, and what to do. */
export class CannotListen extends Error {
  override name = 'CannotListen'
}

export type Address = { readonly host: string; readonly port: number }

/** Listens at the address. Returns the port, which the system chooses for port 0. Rejects with CannotListen. */
export async function listenAt(server: Server, { host, port }: Address): Promise<number> {
  server.listen(port, host)
  try {
    await once(server, 'listening')
  } catch (error) {
    throw new CannotListen(describe({ host, port }, error as NodeJS.ErrnoException))
  }
  return (server.address() as AddressInfo).port
}

function describe({ host, port }: Address, { code, message }: NodeJS.ErrnoException): string {
  const address = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
  switch (code) {
    case 'EADDRINUSE':
      return `Expected ${address} to be free, but another program listens there. Stop that program, or choose another port: PORT=${port === 65_535 ? 4000 : port + 1} npm start`
    case 'EACCES':
      return `Expected to be allowed to listen at ${address}, but the system refuses it. Ports below 1024 often need more rights; choose another one: PORT=4000 npm start`
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return `Expected HOST to be an address of this machine, got ${host}. Set HOST to one, such as 127.0.0.1, or to 0.0.0.0 for all.`
    default:
      return `Expected to listen at ${address}, but the system says: ${message}. Check HOST and PORT.`
  }
}
