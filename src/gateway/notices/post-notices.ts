// Sends the notices that wait. One process at a time has a recipient, by a lease. All notices of one phase that wait for a
// recipient go in one message, at most one message per interval; then they are deleted. What cannot be sent waits.
//
// A process that dies between the acceptance of a message and the deletion of its notices leaves them to be sent once more,
// under the same Message-ID: mail is "at least once", as deliveries are.

import type { Context } from '../../context.ts'
import type { Statement } from '../../database/pools.ts'
import { asMail, asSlack, asTeams } from '../../domain/notices/form.ts'
import type { Mail, MailResult } from '../../domain/notices/mail.ts'
import { composeNotice, type NoticeMessage, type NoticePhase, type ToldIncident } from '../../domain/notices/message.ts'
import type { SendResult } from '../../domain/outcome.ts'
import type { NoticeRecipientKind } from '../../generated/prisma/enums.ts'
import { belongsToTenant } from '../../vault.ts'
import { operatorKinds } from './operators.ts'

/** What sends a message. */
export type Channels = {
  /** null: this deployment has no SMTP server. */
  readonly mail: ((mail: Mail) => Promise<MailResult>) | null
  /** One guarded POST; never rejects. */
  readonly post: (request: { url: string; headers: readonly string[]; body: Buffer }) => Promise<SendResult>
}

export type Postman = {
  /** Sends what is due, until `isStopping`. Returns the number of messages that were tried. */
  postDue(isStopping?: () => boolean): Promise<number>
}

type Recipient = {
  readonly id: string
  readonly tenantId: string | null
  readonly kind: NoticeRecipientKind
  readonly sealed: Buffer | null
  readonly failures: number
}

type NoticeRow = { readonly noticeId: string; readonly phase: NoticePhase; readonly createdAt: Date } & {
  readonly [Key in keyof ToldIncident]: ToldIncident[Key] | null
}

const LEASE_MS = 60_000
/** The most notices in one message. */
const MOST_NOTICES = 500
/** How many messages a process sends at the same time, so that one slow server does not stop the others. */
const AT_ONCE = 3
/** How long a recipient waits after a failure, by the number of failures in a row. */
const BACK_OFF_MS = [10_000, 30_000, 60_000, 120_000, 300_000, 600_000, 1_800_000, 3_600_000]
/** How long no mail is tried after the SMTP server was found away. */
const AWAY_MS = 5_000

const CLAIM: Statement = {
  name: 'claim-recipient',
  text: `
    with due as (
      select r.id from notice_recipient r
      where r.id in (select n.recipient_id from notice n) and r.next_at <= now() and coalesce(r.lease_until < now(), true)
        and (r.tenant_id is not null or r.kind = any ($1::notice_recipient_kind[])) and (r.kind <> 'EMAIL' or $2::bool)
      order by r.next_at limit 1 for update skip locked
    )
    update notice_recipient r set lease_until = now() + interval '${LEASE_MS} ms' from due where r.id = due.id
    returning r.id, r.tenant_id as "tenantId", r.kind, r.sealed, r.failures`,
}

const READ: Statement = {
  name: 'read-notices',
  text: `
    select n.id as "noticeId", n.phase, n.created_at as "createdAt", i.id, i.kind, i.tenant_id as "tenantId",
      t.name as "tenantName", i.endpoint_id as "endpointId", e.name as "endpointName", e.url as "endpointUrl",
      e.status_changed_by as "changedBy", i.began_at as "beganAt", i.ended_at as "endedAt",
      i.ended_because as "endedBecause", i.dead_letters as "deadLetters", i.details
    from notice n
    left join notice_incident i on i.id = n.incident_id
    left join tenant t on t.id = i.tenant_id
    left join endpoint e on e.id = i.endpoint_id
    where n.recipient_id = $1
    order by n.id limit ${MOST_NOTICES}`,
}

const SENT: Statement = {
  name: 'notices-sent',
  text: `
    with gone as (delete from notice where id = any ($2::uuid[]))
    update notice_recipient set lease_until = null, failures = 0, last_error = null, last_sent_at = now(),
      next_at = now() + $3::bigint * interval '1 ms'
    where id = $1`,
}

const NOT_SENT: Statement = {
  name: 'notices-not-sent',
  text: `
    update notice_recipient set lease_until = null, failures = failures + $4::int, last_error = $2, last_failed_at = now(),
      next_at = now() + $3::bigint * interval '1 ms'
    where id = $1`,
}

type PostContext = Pick<Context, 'hot' | 'config' | 'vault' | 'log' | 'clock'>

/** Opens what sends notices in this process. */
export function createPostman(ctx: PostContext, channels: Channels): Postman {
  const { hot, config, log, clock } = ctx
  /** Until when no mail is tried, on the monotonic clock; null: the SMTP server was there the last time. */
  let awayUntilMs: number | null = null

  function noteAway(result: MailResult): void {
    if (!result.sent && result.away) {
      if (awayUntilMs === null) log.warn({ reason: result.reason }, 'smtp.away')
      awayUntilMs = clock.monotonicMs() + AWAY_MS
    } else {
      if (awayUntilMs !== null) log.info({}, 'smtp.back')
      awayUntilMs = null
    }
  }

  const canMail = () => channels.mail !== null && (awayUntilMs === null || clock.monotonicMs() >= awayUntilMs)

  async function deliver(recipient: Recipient, rows: readonly NoticeRow[]): Promise<MailResult> {
    const incidents = rows.filter(({ id }) => id !== null) as unknown as ToldIncident[]
    const message = composeNotice(rows[0]!.phase, incidents, config.publicUrl)
    if (recipient.kind === 'EMAIL') {
      const result = await channels.mail!({
        ...asMail(message),
        to: addressesOf(ctx, recipient),
        messageKey: rows[0]!.noticeId,
        threadKeys: incidents.map(({ id }) => id),
      })
      noteAway(result)
      return result
    }
    return post(channels, addressesOf(ctx, recipient)[0]!, recipient.kind, message)
  }

  /** False: nobody is to be told anything now. */
  async function postOne(onClaimed: () => void): Promise<boolean> {
    const [recipient] = await hot.query<Recipient>(CLAIM, [operatorKinds(config), canMail()])
    if (!recipient) return false
    onClaimed()
    const waiting = await hot.query<NoticeRow>(READ, [recipient.id])
    const rows = waiting.filter(({ phase }) => phase === waiting[0]!.phase)
    const result: MailResult =
      rows.length === 0
        ? { sent: true }
        : await deliver(recipient, rows).catch((error) => ({ sent: false, away: false, reason: String(error.message) }))
    const line = { recipientId: recipient.id, kind: recipient.kind, tenantId: recipient.tenantId, count: rows.length }
    if (result.sent) {
      const ids = rows.map(({ noticeId }) => noticeId)
      await hot.query(SENT, [recipient.id, ids, rows.length === 0 ? 0 : config.noticesEveryMs])
      if (rows.length > 0) log.info(line, 'notices.sent')
      if (result.reason !== undefined) log.warn({ ...line, reason: result.reason }, 'notices.not_sent')
      return true
    }
    await hot.query(NOT_SENT, [
      recipient.id,
      result.reason,
      backOffMs(recipient.failures, result.away),
      result.away ? 0 : 1,
    ])
    if (!result.away && recipient.failures === 0) log.warn({ ...line, reason: result.reason }, 'notices.not_sent')
    return true
  }

  return {
    async postDue(isStopping = () => false) {
      const senders: Promise<number>[] = []
      // Each sender that has something to send brings the next one in: mostly there is nothing, and one question tells.
      const bringIn = () => {
        if (senders.length === AT_ONCE) return
        const sender = postAll()
        // Where the database is away all of them fail, and only the first failure is thrown.
        sender.catch(() => {})
        senders.push(sender)
      }
      const postAll = async () => {
        let count = 0
        while (!isStopping() && (await postOne(bringIn))) count++
        return count
      }
      bringIn()
      let sum = 0
      // The list grows while its senders are at work, never after the last one has ended.
      for (let i = 0; i < senders.length; i++) sum += await senders[i]!
      return sum
    },
  }
}

function backOffMs(failures: number, away: boolean): number {
  return away ? AWAY_MS : BACK_OFF_MS[Math.min(failures, BACK_OFF_MS.length - 1)]!
}

function addressesOf({ config, vault }: Pick<Context, 'config' | 'vault'>, recipient: Recipient): string[] {
  const { emails, slackUrl, teamsUrl } = config.operatorNotices
  if (recipient.tenantId !== null) return [vault.open(recipient.sealed!, belongsToTenant(recipient.tenantId))]
  switch (recipient.kind) {
    case 'EMAIL':
      return [...emails]
    case 'SLACK':
      return [slackUrl!]
    case 'TEAMS':
      return [teamsUrl!]
  }
}

async function post(
  { post }: Channels,
  url: string,
  kind: 'SLACK' | 'TEAMS',
  message: NoticeMessage,
): Promise<MailResult> {
  const body = Buffer.from(JSON.stringify(kind === 'SLACK' ? asSlack(message) : asTeams(message)))
  const { reply, failure } = await post({ url, headers: ['content-type', 'application/json'], body })
  if (reply && reply.statusCode >= 200 && reply.statusCode <= 299) return { sent: true }
  const reason = reply ? `The server answered HTTP ${reply.statusCode}.` : (failure?.message ?? 'No reply came.')
  return { sent: false, away: false, reason }
}
