// Who a tenant wants to be told of incidents: e-mail addresses, and webhooks of Slack and Teams. Addresses are sealed, because
// everybody who knows such a URL can write there.

import type { Context, Viewer } from '../../context.ts'
import { reachOf, withinReach } from '../../domain/access/viewer.ts'
import { shownUrl } from '../../domain/endpoint/audited-facts.ts'
import { parseEndpointUrl } from '../../domain/endpoint/url.ts'
import { parseMailAddress } from '../../domain/notices/mail-address.ts'
import { ConflictError, ValidationError } from '../../errors.ts'
import type { NoticeRecipient, NoticeRecipientKind } from '../../generated/prisma/client.ts'
import { belongsToTenant } from '../../vault.ts'
import { administer, recordAudit, type Transaction } from '../state/audit.ts'
import { lockTenant } from './lock-rows.ts'
import { isDatabaseId, mayMeanTenant, notFound, requireAdministrator } from './permissions.ts'

const MAX_RECIPIENTS = 20

export type NewRecipient = {
  readonly tenantId: string | null
  readonly kind: NoticeRecipientKind
  readonly address: string
}

/**
 * Adds a recipient. `tenantId` null: the caller's own tenant. Adding an address that is there already changes nothing. Throws
 * ValidationError, NotFoundError, LIMIT_EXCEEDED.
 */
export async function addNoticeRecipient(
  ctx: Context,
  viewer: Viewer,
  { tenantId, kind, address }: NewRecipient,
): Promise<NoticeRecipient> {
  requireAdministrator(viewer, 'choose who gets notices')
  const owner = tenantId ?? viewer.tenantId
  const parsed = parseAddress(ctx.config, kind, address)
  const issues = 'issue' in parsed ? [{ path: ['input', parsed.at], message: parsed.issue }] : []
  if (owner === null)
    issues.push({ path: ['input', 'tenantId'], message: 'expected the id of a tenant, got none; name the tenant' })
  if ('issue' in parsed || owner === null) throw new ValidationError(issues)
  if (!mayMeanTenant(viewer, owner)) throw notFound('tenant', ['input', 'tenantId'])
  return administer(ctx, async (tx, now) => {
    await lockTenant(tx, owner)
    const present = await tx.noticeRecipient.findMany({ where: { tenantId: owner } })
    const same = present.find((each) => each.kind === kind && opened(ctx, each) === parsed.address)
    if (same) return same
    if (present.length >= MAX_RECIPIENTS)
      throw new ConflictError(
        `A tenant has at most ${MAX_RECIPIENTS} recipients of notices, and this one has ${present.length}. Remove one that is not needed.`,
        'LIMIT_EXCEEDED',
        ['input', 'tenantId'],
      )
    const hint = kind === 'EMAIL' ? parsed.address : shownUrl(parsed.address)
    const recipient = await tx.noticeRecipient.create({
      data: {
        id: ctx.newId(),
        tenantId: owner,
        kind,
        sealed: new Uint8Array(ctx.vault.seal(parsed.address, belongsToTenant(owner))),
        hint,
        createdAt: now,
      },
    })
    await audit(tx, viewer, recipient, 'notice_recipient.added')
    return recipient
  })
}

/** Removes a recipient and what waits for it. Throws NotFoundError. */
export async function removeNoticeRecipient(
  ctx: Context,
  viewer: Viewer,
  { id }: { id: string },
): Promise<NoticeRecipient> {
  requireAdministrator(viewer, 'choose who gets notices')
  return administer(ctx, async (tx) => {
    const recipient = await find(tx, viewer, id)
    await tx.noticeRecipient.delete({ where: { id } })
    await audit(tx, viewer, recipient, 'notice_recipient.removed')
    return recipient
  })
}

/** Asks for a test message. Throws NotFoundError, ConflictError while one waits. */
export async function sendTestNotice(ctx: Context, viewer: Viewer, { id }: { id: string }): Promise<NoticeRecipient> {
  requireAdministrator(viewer, 'choose who gets notices')
  return administer(ctx, async (tx) => {
    const recipient = await find(tx, viewer, id)
    if (await tx.notice.findFirst({ where: { recipientId: id, phase: 'TEST' }, select: { id: true } }))
      throw new ConflictError(
        `A test to this recipient waits already.${recipient.lastError === null ? '' : ` The last message was not sent: ${recipient.lastError}`} Wait until it is sent.`,
        'CONFLICT',
        ['id'],
      )
    await tx.notice.create({ data: { id: ctx.newId(), recipientId: id, phase: 'TEST' } })
    return recipient
  })
}

/** Locks the recipient. Throws NotFoundError. */
async function find(tx: Transaction, viewer: Viewer, id: string): Promise<NoticeRecipient> {
  const reach = reachOf(viewer)
  if (!isDatabaseId(id) || reach === null) throw notFound('recipient of notices', ['id'])
  await tx.$queryRaw`select id from notice_recipient where id = ${id}::uuid for update`
  const recipient = await tx.noticeRecipient.findFirst({
    where: { id, tenantId: { not: null }, ...withinReach(reach) },
  })
  if (!recipient) throw notFound('recipient of notices', ['id'])
  return recipient
}

type Parsed = { readonly address: string } | { readonly issue: string; readonly at: 'kind' | 'address' }

function parseAddress(config: Context['config'], kind: NoticeRecipientKind, text: string): Parsed {
  if (kind !== 'EMAIL') {
    const parsed = parseEndpointUrl(text, config)
    return 'url' in parsed ? { address: parsed.url } : { issue: parsed.issues[0]!, at: 'address' }
  }
  if (config.smtp === null)
    return {
      issue:
        'expected SLACK or TEAMS, because this gateway has no SMTP server, got EMAIL; ask the operator to set SIVO_SMTP_URL',
      at: 'kind',
    }
  const parsed = parseMailAddress(text.trim())
  return 'address' in parsed ? parsed : { ...parsed, at: 'address' }
}

function opened({ vault }: Context, { tenantId, sealed }: NoticeRecipient): string | null {
  return tenantId === null || sealed === null ? null : vault.open(sealed, belongsToTenant(tenantId))
}

function audit(tx: Transaction, viewer: Viewer, { id, tenantId, kind, hint }: NoticeRecipient, action: string) {
  return recordAudit(tx, viewer, {
    tenantId,
    action,
    target: { kind: 'noticeRecipient', id },
    details: { kind, address: hint },
  })
}
