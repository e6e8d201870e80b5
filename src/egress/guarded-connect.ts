// Opens the TLS connections. Promise: no packet goes to an address or port that was not checked: IP literals are
// checked here, names through the guarded lookup, and the far end of the open socket once more. Certificates are
// always verified, TLS 1.2 is the least. Of several addresses the first to answer is used: the next one is tried after
// 250 ms or at once after a refusal, and the slower ones are dropped.

import { connect as connectTcp, isIP, type Socket } from 'node:net'
import {
  connect as connectTls,
  createSecureContext,
  getCACertificates,
  type PeerCertificate,
  type SecureContext,
  type TLSSocket,
} from 'node:tls'
import type { Failure } from '../domain/outcome.ts'
import { isInNetworks, mayDial, type Network } from '../domain/values/network-address.ts'
import { explainConnectFailure, explainTlsFailure } from './explain-failure.ts'
import { BLOCKED, type GuardedLookup } from './guarded-lookup.ts'

/** Milliseconds; null: not reached. */
export type ConnectTiming = { dnsMs: number | null; connectMs: number | null; tlsMs: number | null }
export type ConnectStep = 'DNS' | 'CONNECT' | 'TLS'

export type ConnectorOptions = {
  lookup: GuardedLookup
  allowedNetworks: readonly Network[]
  allowedPorts: readonly number[]
  /** PEM certificates of further authorities, beside Node's own and NODE_EXTRA_CA_CERTS. */
  ca?: readonly string[]
  /** TLS sessions that are remembered. */
  maxSessions?: number
}

export type ConnectRequest = {
  /** A name, or an address without brackets. */
  host: string
  port: number
  /** What to offer in the handshake (ALPN). Default: HTTP/1.1. */
  protocol?: 'http/1.1' | 'h2'
  onStep: (step: ConnectStep) => void
  onDone: (result: TLSSocket | Failure) => void
}

/** `timing` fills while it connects; `giveUp` stops it. `onDone` is called at most once, never after `giveUp`. */
export type Connecting = { timing: ConnectTiming; giveUp: () => void }
export type Connector = (request: ConnectRequest) => Connecting

const BLOCKED_LITERAL: Failure = {
  code: 'blocked_address',
  message:
    "The endpoint's host is an IP address. The gateway sends to host names, and to addresses inside SIVO_ALLOWED_NETWORKS only.",
}

const NEXT_ADDRESS_MS = 250
const MAX_ADDRESSES = 8
const SESSION_AGE_MS = 3_600_000

/** One connector for all origins: it holds the TLS context and the TLS sessions that make reconnecting cheap. */
export function createConnector({
  lookup,
  allowedNetworks,
  allowedPorts,
  ca = [],
  maxSessions = 1_000,
}: ConnectorOptions): Connector {
  const secureContext = createSecureContext({
    minVersion: 'TLSv1.2',
    ...(ca.length > 0 ? { ca: [...getCACertificates('default'), ...ca] } : {}),
  })
  const sessions = createSessionCache(maxSessions)

  /** A port outside the list is for allowed networks only. */
  const vetFor = (port: number) => (address: string) =>
    allowedPorts.includes(port) ? mayDial(address, allowedNetworks) : isInNetworks(address, allowedNetworks)

  function blockedPort(port: number): Failure {
    const ports = allowedPorts.join(', ')
    return {
      code: 'blocked_address',
      message: `The gateway sends to the ports ${ports}, not to ${port}, unless the address is inside SIVO_ALLOWED_NETWORKS. Use one of them, or ask the operator to add the port to SIVO_ALLOWED_PORTS.`,
    }
  }

  return function connect({ host, port, protocol = 'http/1.1', onStep, onDone }) {
    const timing: ConnectTiming = { dnsMs: null, connectMs: null, tlsMs: null }
    let stopCurrent = () => {}
    let finished = false
    let startedAt = performance.now()

    function done(result: TLSSocket | Failure): void {
      if (finished) return
      finished = true
      onDone(result)
    }

    function lap(): number {
      const now = performance.now()
      const ms = now - startedAt
      startedAt = now
      return ms
    }

    function dialAll(addresses: string[]): void {
      stopCurrent = dial(addresses, port, (tcp) => {
        if ('code' in tcp) return done(tcp)
        if (!addresses.some((address) => address === tcp.remoteAddress)) {
          tcp.destroy()
          return done(BLOCKED)
        }
        timing.connectMs = lap()
        onStep('CONNECT')
        stopCurrent = () => tcp.destroy()
        secure(tcp)
      })
    }

    function secure(tcp: Socket): void {
      const key = `${host}:${port}`
      const tls = handshake(tcp, { host, protocol, secureContext, session: sessions.get(key) })
      stopCurrent = () => tls.socket.destroy()
      tls.socket.on('session', (session: Buffer) => sessions.set(key, session))
      tls.socket.once('secureConnect', () => {
        timing.tlsMs = lap()
        onStep('TLS')
        tls.socket.off('error', failed)
        done(tls.socket)
      })
      tls.socket.once('error', failed)
      tls.socket.once('close', () =>
        done({ code: 'tls_failed', message: 'The receiver closed the connection during the TLS handshake.' }),
      )
      function failed(error: Error): void {
        sessions.delete(key)
        done(explainTlsFailure(error, host, tls.certificate()))
      }
    }

    const vet = vetFor(port)
    if (isIP(host) !== 0) {
      if (isInNetworks(host, allowedNetworks)) dialAll([host])
      else queueMicrotask(() => done(BLOCKED_LITERAL))
    } else if (!allowedPorts.includes(port) && allowedNetworks.length === 0) {
      queueMicrotask(() => done(blockedPort(port)))
    } else {
      lookup.lookup(host, vet).then(({ addresses, failure }) => {
        if (finished) return
        if (failure === BLOCKED && !allowedPorts.includes(port)) return done(blockedPort(port))
        if (failure) return done(failure)
        timing.dnsMs = lap()
        onStep('DNS')
        dialAll(addresses.slice(0, MAX_ADDRESSES))
      })
    }

    function giveUp(): void {
      if (finished) return
      finished = true
      stopCurrent()
    }

    return { timing, giveUp }
  }
}

/** `addresses` is not empty. Calls back once with the first socket that connects, or with the last failure; returns the function that stops. */
function dial(addresses: string[], port: number, callback: (result: Socket | Failure) => void): () => void {
  const open = new Set<Socket>()
  let next = 0
  let timer: NodeJS.Timeout | undefined

  function stop(): void {
    clearTimeout(timer)
    for (const socket of open) socket.destroy()
    open.clear()
  }

  function tryNext(): void {
    clearTimeout(timer)
    const socket = connectTcp({
      host: addresses[next++]!,
      port,
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: 60_000,
    })
    open.add(socket)
    socket.on('error', failed)
    socket.once('connect', connected)
    if (next < addresses.length) timer = setTimeout(tryNext, NEXT_ADDRESS_MS)

    // Stays for the socket's life: once it is wrapped, its errors are told by the TLS socket as well.
    function failed(error: Error): void {
      if (!open.delete(socket)) return
      if (next < addresses.length) tryNext()
      else if (open.size === 0) callback(explainConnectFailure(error))
    }
    function connected(): void {
      open.delete(socket)
      stop()
      callback(socket)
    }
  }

  tryNext()
  return stop
}

function handshake(
  tcp: Socket,
  {
    host,
    protocol,
    secureContext,
    session,
  }: { host: string; protocol: string; secureContext: SecureContext; session: Buffer | undefined },
) {
  const socket = connectTls({
    socket: tcp,
    host,
    servername: isIP(host) === 0 ? host : '',
    secureContext,
    session,
    ALPNProtocols: [protocol],
    rejectUnauthorized: true,
  })
  // Taken before Node judges it, with the chain above it: afterwards the connection, and the certificate with it, is gone.
  // (getPeerX509Certificate would leave Node's own check without a certificate.)
  let certificate: PeerCertificate | undefined
  socket.prependOnceListener('secure', () => {
    if (!socket.isSessionReused()) certificate = socket.getPeerCertificate(true)
  })
  return { socket, certificate: () => certificate }
}

/** TLS sessions by host and port; not kept so long that an expired certificate would go unseen. */
function createSessionCache(most: number) {
  const sessions = new Map<string, { session: Buffer; expiresAt: number }>()
  return {
    get(key: string): Buffer | undefined {
      const kept = sessions.get(key)
      if (kept && kept.expiresAt > performance.now()) return kept.session
      sessions.delete(key)
      return undefined
    },
    set(key: string, session: Buffer): void {
      const since = sessions.get(key)?.expiresAt
      sessions.delete(key)
      for (const oldest of sessions.keys()) {
        if (sessions.size < most) break
        sessions.delete(oldest)
      }
      sessions.set(key, { session, expiresAt: since ?? performance.now() + SESSION_AGE_MS })
    },
    delete: (key: string) => sessions.delete(key),
  }
}
