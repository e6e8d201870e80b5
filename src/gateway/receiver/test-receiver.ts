// The test receiver of a tenant: an ordinary HTTPS endpoint that the gateway serves itself, so that a newcomer needs none. Its
// path is a secret. Deliveries reach it over the network as they reach any receiver, and no rule is relaxed for it.

import { randomBytes } from 'node:crypto'
import type { Config } from '../../config.ts'
import type { Context, Viewer } from '../../context.ts'
import { parseEndpointUrl } from '../../domain/endpoint/url.ts'
import { type TestAnswer, validateTestAnswer } from '../../domain/signing/received-request.ts'
import { ConflictError, type Issue, ValidationError } from '../../errors.ts'
import type { TestReceiver } from '../../generated/prisma/client.ts'
import { lockTenant } from '../admin/lock-rows.ts'
import { mayMeanTenant, notFound, requireAdministrator } from '../admin/permissions.ts'
import { administer, recordAudit, type Transaction } from '../state/audit.ts'

/** The path of all test receivers, before their tokens. */
export const RECEIVER_PATH = '/receive/'
const TOKEN_BYTES = 32
const TOKEN = /^[A-Za-z0-9_-]{43}$/

/** The URL of a test receiver; null while the gateway has no HTTPS URL. */
export function urlOfTestReceiver({ receiverUrl }: Config, { token }: Pick<TestReceiver, 'token'>): string | null {
  return receiverUrl === null ? null : `${receiverUrl}${RECEIVER_PATH}${token}`
}

/** The receiver at the end of this path; null if there is none. */
export async function findTestReceiver({ db }: Context, token: string): Promise<TestReceiver | null> {
  return TOKEN.test(token) ? db.testReceiver.findUnique({ where: { token } }) : null
}

/**
 * Makes the test receiver of a tenant; null: the caller's own. One that is there already stays as it is. Throws ConflictError
 * where the gateway has no HTTPS URL that deliveries may go to, NotFoundError, ValidationError.
 */
export async function createTestReceiver(ctx: Context, viewer: Viewer, tenantId: string | null): Promise<TestReceiver> {
  requireAdministrator(viewer, 'set up test receivers')
  const owner = ownerOf(viewer, tenantId)
  const token = randomBytes(TOKEN_BYTES).toString('base64url')
  requireReachable(ctx.config, token)
  return administer(ctx, async (tx, now) => {
    await lockTenant(tx, owner)
    const present = await tx.testReceiver.findUnique({ where: { tenantId: owner } })
    if (present) return present
    const made = await tx.testReceiver.create({ data: { tenantId: owner, token, createdAt: now } })
    await audit(tx, viewer, owner, 'test_receiver.created')
    return made
  })
}

/** An absent field does not change. */
export type TestReceiverChanges = {
  readonly statusCode?: number | null | undefined
  readonly delayMs?: number | null | undefined
  readonly retryAfterSeconds?: number | null | undefined
}

/** Changes how the test receiver of a tenant answers from now on. Throws NotFoundError, ValidationError. */
export async function updateTestReceiver(
  ctx: Context,
  viewer: Viewer,
  tenantId: string | null,
  changes: TestReceiverChanges,
): Promise<TestReceiver> {
  requireAdministrator(viewer, 'set up test receivers')
  const owner = ownerOf(viewer, tenantId)
  return administer(ctx, async (tx) => {
    const before = await lockReceiver(tx, owner)
    const after = changedAnswer(before, changes)
    const issues = validateTestAnswer(after)
    if (issues.length > 0) throw new ValidationError(issues.map(withinInput))
    const fields = ['statusCode', 'delayMs', 'retryAfterSeconds'] as const
    const changed = fields.filter((field) => before[field] !== after[field])
    if (changed.length === 0) return before
    const facts = (answer: TestAnswer) => Object.fromEntries(changed.map((field) => [field, answer[field]]))
    await audit(tx, viewer, owner, 'test_receiver.updated', { before: facts(before), after: facts(after) })
    return tx.testReceiver.update({ where: { tenantId: owner }, data: after })
  })
}

/** Deletes the test receiver of a tenant, with the requests that it keeps. Its URL is never used again. Throws NotFoundError. */
export async function deleteTestReceiver(ctx: Context, viewer: Viewer, tenantId: string | null): Promise<string> {
  requireAdministrator(viewer, 'set up test receivers')
  const owner = ownerOf(viewer, tenantId)
  await administer(ctx, async (tx) => {
    await lockReceiver(tx, owner)
    await tx.testReceiver.delete({ where: { tenantId: owner } })
    await audit(tx, viewer, owner, 'test_receiver.deleted')
  })
  return owner
}

/** The answer after a change; null restores the default. */
function changedAnswer(before: TestAnswer, changes: TestReceiverChanges): TestAnswer {
  const chosen = <T>(wanted: T | null | undefined, now: T, fallback: T) =>
    wanted === undefined ? now : (wanted ?? fallback)
  return {
    statusCode: chosen(changes.statusCode, before.statusCode, 200),
    delayMs: chosen(changes.delayMs, before.delayMs, 0),
    retryAfterSeconds: chosen(changes.retryAfterSeconds, before.retryAfterSeconds, null),
  }
}

function ownerOf(viewer: Viewer, tenantId: string | null): string {
  const owner = tenantId ?? viewer.tenantId
  const message = 'expected the id of a tenant, because this key serves all tenants, got none; name the tenant'
  if (owner === null) throw new ValidationError([withinInput({ path: ['tenantId'], message })])
  if (!mayMeanTenant(viewer, owner)) throw notFound('tenant', ['input', 'tenantId'])
  return owner
}

/** Deliveries to the receiver are held to the rules for all endpoints: where they would be refused, nobody gets a receiver. */
function requireReachable(config: Config, token: string): void {
  const url = urlOfTestReceiver(config, { token })
  const refuse = (reason: string) =>
    new ConflictError(
      `The built-in receiver needs an HTTPS URL of this gateway that deliveries may go to: ${reason}. Ask the operator to set SIVO_PUBLIC_URL, or use a receiver of your own.`,
      'CONFLICT',
      ['input', 'tenantId'],
    )
  if (url === null) throw refuse('the gateway has none')
  const parsed = parseEndpointUrl(url, config)
  if ('issues' in parsed) throw refuse(parsed.issues[0]!)
}

async function lockReceiver(tx: Transaction, tenantId: string): Promise<TestReceiver> {
  await tx.$queryRaw`select 1 from test_receiver where tenant_id = ${tenantId}::uuid for update`
  const found = await tx.testReceiver.findUnique({ where: { tenantId } })
  if (!found) throw notFound('tenant with a test receiver', ['input', 'tenantId'])
  return found
}

function audit(tx: Transaction, viewer: Viewer, tenantId: string, action: string, details?: object): Promise<void> {
  return recordAudit(tx, viewer, { tenantId, action, target: null, ...(details && { details: { ...details } }) })
}

function withinInput({ path, message }: Issue): Issue {
  return { path: ['input', ...path], message }
}
