// What an attempt must know about its endpoint: the URL, the headers and the signing secrets. Each process keeps the
// targets it has read, and reads one again when a claim shows a newer revision: a change of an endpoint holds from the
// next attempt on.

import type { HotDatabase, Statement } from '../../database/pools.ts'
import { liveSecrets } from '../../domain/signing/secret.ts'
import { type LiveSecrets, signingKeys } from '../../domain/signing/signature.ts'
import { belongsToEndpoint, type Vault } from '../../vault.ts'

export type EndpointTarget = {
  readonly revision: number
  readonly url: string
  /** The endpoint's own headers as a flat list: name, value, name, value. */
  readonly headers: readonly string[]
  /** The secrets that sign at this moment. */
  secretsAt(now: Date): LiveSecrets
}

export type EndpointTargets = {
  /** The targets of these endpoints, each at least as new as the given revision. An unknown endpoint is absent. */
  load(wanted: ReadonlyMap<string, number>): Promise<Map<string, EndpointTarget>>
}

const LOAD: Statement = {
  name: 'load-endpoint-targets',
  text: `
    select p.id, p.tenant_id as "tenantId", p.revision, p.url, p.headers,
      (select json_agg(json_build_object('sealed', encode(s.sealed, 'base64'), 'activeFrom', s.active_from) order by s.active_from)
       from signing_secret s where s.endpoint_id = p.id) as secrets
    from endpoint p where p.id = any ($1::uuid[])`,
}

type Row = {
  id: string
  tenantId: string
  revision: number
  url: string
  headers: { name: string; sealed: string }[]
  secrets: { sealed: string; activeFrom: string }[] | null
}

const MAX_KEPT = 10_000

/** `onUnreadable` is told of an endpoint whose secrets cannot be decrypted. It has no target until they can be. */
export function createEndpointTargets(
  hot: HotDatabase,
  vault: Vault,
  onUnreadable: (endpointId: string, error: unknown) => void,
): EndpointTargets {
  const kept = new Map<string, EndpointTarget>()
  return {
    async load(wanted) {
      const found = new Map<string, EndpointTarget>()
      const missing: string[] = []
      for (const [id, revision] of wanted) {
        const target = kept.get(id)
        if (target && target.revision >= revision) found.set(id, target)
        else missing.push(id)
      }
      if (missing.length === 0) return found
      for (const row of await hot.query<Row>(LOAD, [missing])) {
        try {
          const target = openTarget(row, vault)
          found.set(row.id, target)
          kept.delete(row.id)
          kept.set(row.id, target)
        } catch (error) {
          onUnreadable(row.id, error)
        }
      }
      for (const id of kept.keys()) {
        if (kept.size <= MAX_KEPT) break
        kept.delete(id)
      }
      return found
    },
  }
}

function openTarget(row: Row, vault: Vault): EndpointTarget {
  const owner = belongsToEndpoint(row.tenantId, row.id)
  const secrets = (row.secrets ?? []).map(({ sealed, activeFrom }) => ({
    keys: signingKeys(vault.open(Buffer.from(sealed, 'base64'), owner)),
    activeFrom: new Date(activeFrom),
  }))
  return {
    revision: row.revision,
    url: row.url,
    headers: row.headers.flatMap(({ name, sealed }) => [name, vault.open(Buffer.from(sealed, 'base64'), owner)]),
    secretsAt(now) {
      const { current, coming } = liveSecrets(secrets, now)
      if (!current) throw new Error(`Endpoint ${row.id} has no signing secret that is live now.`)
      return { current: current.keys, next: coming?.keys ?? null }
    },
  }
}
