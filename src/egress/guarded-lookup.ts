// Host names to addresses that may be dialled. Promise: all addresses of a name are checked, and no other address is dialled.
// One address that may not be dialled refuses the whole name: a receiver has no reason to mix them.
//
// A name server that hangs delays only the names it answers for. Queries go through c-ares, not through the four threads of
// dns.lookup, and each name is asked for once at a time. The number of names asked for at once is bounded. So is the number of
// queries in one burst: name servers and socket buffers drop what comes too fast, and a lost query costs a second and a half.
// Answers are kept for their TTL, between 1 and 30 seconds; failures for 1 second.

import { Resolver } from 'node:dns/promises'
import type { Failure } from '../domain/outcome.ts'

export type LookupOptions = {
  /** `ip:port` or `ip`; absent or empty: the system's. */
  servers?: readonly string[]
  /** Answers that are kept. */
  maxCached?: number
}

/** `addresses` are in the order to dial them, IPv6 and IPv4 in turn; never empty. */
export type LookupResult = { addresses: string[]; failure: null } | { addresses: null; failure: Failure }

export type GuardedLookup = {
  /** Resolves a host name and judges every address with `vet`. Never rejects. */
  lookup(host: string, vet: (address: string) => boolean): Promise<LookupResult>
  stats(): { cached: number; inFlight: number; waiting: number }
  close(): void
}

type Found = { address: string; ttl: number }
type Answer = { addresses: string[]; failure: null } | { addresses: null; failure: Failure }

const MIN_TTL_MS = 1_000
const MAX_TTL_MS = 30_000
const MAX_IN_FLIGHT = 1_000
const BURST = 32
const BURST_MS = 10
/** The whole look-up of one name. */
const LOOKUP_TIMEOUT_MS = 5_000
/** How long the slower family is waited for once the other one answered: some name servers never answer for AAAA. */
const OTHER_FAMILY_MS = 500
const LOOPBACK = ['127.0.0.1', '::1']

/** Says nothing about the address: the answer must not become a map of somebody's network. */
export const BLOCKED: Failure = {
  code: 'blocked_address',
  message:
    "The endpoint's host leads to an address that the gateway does not send to. Use a public address, or ask the operator to add its network to SIVO_ALLOWED_NETWORKS.",
}

/** Opens a resolver of its own with its own cache. */
export function createLookup({ servers = [], maxCached = 10_000 }: LookupOptions = {}): GuardedLookup {
  const resolver = new Resolver({ timeout: 1_500, tries: 4, maxTimeout: 2_000 })
  if (servers.length > 0) resolver.setServers(servers)
  const cache = new Map<string, { answer: Answer; expiresAt: number }>()
  const asking = new Map<string, Promise<Answer>>()
  const waiting: (() => void)[] = []
  let inFlight = 0
  let burst = 0

  async function lookup(host: string, vet: (address: string) => boolean): Promise<LookupResult> {
    if (host === 'localhost' || host.endsWith('.localhost')) return vetted(LOOPBACK.filter(vet), vet)
    const { addresses, failure } = await answer(host)
    return failure ? { addresses: null, failure } : vetted(addresses, vet)
  }

  function answer(host: string): Answer | Promise<Answer> {
    const kept = cache.get(host)
    if (kept && kept.expiresAt > performance.now()) return kept.answer
    const known = asking.get(host)
    if (known) return known
    const asked = ask(host).finally(() => asking.delete(host))
    asking.set(host, asked)
    return asked
  }

  async function ask(host: string): Promise<Answer> {
    await turn()
    try {
      const found = await queryBothFamilies(resolver, host)
      const ttlMs = found.failure ? MIN_TTL_MS : Math.min(Math.max(found.ttlMs, MIN_TTL_MS), MAX_TTL_MS)
      keep(host, found, ttlMs)
      return found
    } finally {
      inFlight--
      letIn()
    }
  }

  function turn(): Promise<void> {
    return new Promise((resolve) => {
      waiting.push(resolve)
      letIn()
    })
  }

  function letIn(): void {
    while (waiting.length > 0 && inFlight < MAX_IN_FLIGHT && burst < BURST) {
      inFlight++
      if (burst++ === 0) setTimeout(endBurst, BURST_MS)
      waiting.shift()?.()
    }
  }

  function endBurst(): void {
    burst = 0
    letIn()
  }

  function keep(host: string, answer: Answer, ttlMs: number): void {
    cache.delete(host)
    for (const oldest of cache.keys()) {
      if (cache.size < maxCached) break
      cache.delete(oldest)
    }
    cache.set(host, { answer, expiresAt: performance.now() + ttlMs })
  }

  return {
    lookup,
    stats: () => ({ cached: cache.size, inFlight, waiting: waiting.length }),
    close() {
      resolver.cancel()
      cache.clear()
    },
  }
}

function vetted(addresses: string[], vet: (address: string) => boolean): LookupResult {
  return addresses.length > 0 && addresses.every(vet)
    ? { addresses, failure: null }
    : { addresses: null, failure: BLOCKED }
}

function queryBothFamilies(resolver: Resolver, host: string): Promise<Answer & { ttlMs: number }> {
  return new Promise((resolve) => {
    const found: { v6: Found[]; v4: Found[] } = { v6: [], v4: [] }
    let failures: string[] = []
    let open = 2
    let timer = setTimeout(finish, LOOKUP_TIMEOUT_MS)

    function finish(): void {
      clearTimeout(timer)
      const all = inTurn(found.v6, found.v4)
      if (all.length === 0) {
        resolve({ addresses: null, failure: { code: 'dns_failed', message: explain(host, failures) }, ttlMs: 0 })
        return
      }
      const ttlMs = Math.min(...all.map(({ ttl }) => ttl)) * 1000
      resolve({ addresses: all.map(({ address }) => address), failure: null, ttlMs })
    }

    function arrived(family: 'v4' | 'v6', records: Found[]): void {
      found[family] = records
      clearTimeout(timer)
      if (--open === 0) finish()
      else timer = setTimeout(finish, OTHER_FAMILY_MS)
    }

    function failed(error: NodeJS.ErrnoException): void {
      failures = [...failures, String(error.code)]
      if (--open === 0) finish()
    }

    resolver.resolve4(host, { ttl: true }).then((records) => arrived('v4', records), failed)
    resolver.resolve6(host, { ttl: true }).then((records) => arrived('v6', records), failed)
  })
}

function inTurn<T>(first: T[], second: T[]): T[] {
  return Array.from({ length: Math.max(first.length, second.length) }, (_, index) => [
    ...first.slice(index, index + 1),
    ...second.slice(index, index + 1),
  ]).flat()
}

function explain(host: string, codes: string[]): string {
  if (codes.includes('ENOTFOUND')) {
    return `The host name ${host} does not exist in the DNS. The gateway asks name servers (SIVO_DNS_SERVERS, or the system's), and does not read /etc/hosts.`
  }
  if (codes.length === 2 && codes.every((code) => code === 'ENODATA')) {
    return `The host name ${host} has no address in the DNS.`
  }
  if (codes.includes('ESERVFAIL')) return `The name servers of ${host} answered with a failure.`
  if (codes.includes('ECONNREFUSED'))
    return `No name server could be reached to look up ${host}; the operator can name others in SIVO_DNS_SERVERS.`
  return `The DNS gave no usable answer for ${host} in time.`
}
