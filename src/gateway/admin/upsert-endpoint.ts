// Creates an endpoint, or changes the one that has its external id. The call says what the endpoint shall be, so its caller can
// repeat it at any time.

import { randomBytes } from 'node:crypto'
import type { Context, Viewer } from '../../context.ts'
import { validateExternalId } from '../../domain/endpoint/identity.ts'
import { makeSigningSecret } from '../../domain/signing/secret.ts'
import { issuesWithin } from '../../domain/values/issue.ts'
import type { Endpoint } from '../../generated/prisma/client.ts'
import { administer } from '../state/audit.ts'
import { insertEndpoint, ownerIssues, ownerOf, validateCreation } from './create-endpoint.ts'
import type { EndpointChanges } from './endpoint-input.ts'
import { orTakenExternalId } from './external-id.ts'
import { lockEndpoint, lockTenant } from './lock-rows.ts'
import { isDatabaseId, mayMeanTenant, notFound, requireAdministrator } from './permissions.ts'
import { changeEndpoint, validateChanges } from './update-endpoint.ts'

/** As an update has it, but for `name` and `url`, which a new endpoint needs. */
export type EndpointUpsert = EndpointChanges & {
  /** null: the caller's own tenant. */
  tenantId: string | null
  externalId: string
  name: string
  url: string
}

export type UpsertedEndpoint = {
  endpoint: Endpoint
  created: boolean
  /** null unless the endpoint is new. */
  signingSecret: string | null
}

/**
 * What the input does not name stays as it is, and has its default in a new endpoint. Of two calls at the same time, the
 * first one creates and the second one changes. Throws ValidationError, NotFoundError, LIMIT_EXCEEDED.
 */
export async function upsertEndpoint(
  ctx: Context,
  viewer: Viewer,
  { tenantId, ...input }: EndpointUpsert,
): Promise<UpsertedEndpoint> {
  requireAdministrator(viewer, 'set up endpoints')
  const { externalId } = input
  const owner = ownerOf(viewer, tenantId)
  // In an update an empty text removes the external id. Here it must name an endpoint.
  const unnamed = externalId === '' ? issuesWithin(['input'], validateExternalId(externalId)) : []
  const changes = await validateChanges(ctx, input, [...ownerIssues(owner), ...unnamed])
  if (owner === null || !isDatabaseId(owner) || !mayMeanTenant(viewer, owner))
    throw notFound('tenant', ['input', 'tenantId'])
  const work = administer(ctx, async (tx, now) => {
    await lockTenant(tx, owner)
    const present = await tx.endpoint.findFirst({ where: { tenantId: owner, externalId, deletedAt: null } })
    if (present) {
      const locked = await lockEndpoint(tx, viewer, present.id, ['input', 'externalId'])
      return { endpoint: await changeEndpoint(ctx, tx, viewer, locked, changes), created: false, signingSecret: null }
    }
    // A header without a value keeps the stored one, and a new endpoint has none.
    const { draft } = await validateCreation(ctx, viewer, { tenantId, ...input })
    const signingSecret = makeSigningSecret(randomBytes)
    const id = ctx.newId()
    const endpoint = await insertEndpoint(ctx, tx, viewer, { id, tenantId: owner, draft, signingSecret, now })
    return { endpoint, created: true, signingSecret }
  })
  return orTakenExternalId(work, externalId)
}
