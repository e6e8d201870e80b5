import { randomBytes, randomUUID } from 'node:crypto'
import { Writable } from 'node:stream'
import { setImmediate as turn } from 'node:timers/promises'
import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type ReceivedMail, startSmtp, type TestSmtp } from '../../../harness/smtp.ts'
import { toPublicId } from '../../../src/domain/values/id.ts'
import {
  addNoticeRecipient,
  removeNoticeRecipient,
  sendTestNotice,
} from '../../../src/gateway/admin/notice-recipients.ts'
import { pauseEndpoint, resumeEndpoint } from '../../../src/gateway/admin/pause-endpoint.ts'
import { foldHealth } from '../../../src/gateway/health/keep-health.ts'
import { watchHealth } from '../../../src/gateway/health/watch.ts'
import { endIncidents } from '../../../src/gateway/notices/incidents.ts'
import { createPostman } from '../../../src/gateway/notices/post-notices.ts'
import { changeEndpointStatus } from '../../../src/gateway/state/endpoint-status.ts'
import { belongsToTenant } from '../../../src/vault.ts'
import { type House, openHouse } from '../../support/house.ts'
import { operatorNamed } from '../../support/viewers.ts'

const OPERATOR = operatorNamed('Olga')
const HOUR = 3_600_000
const CONSOLE = 'https://hooks.example.com'

let smtp: TestSmtp
let house: House
const lines: Record<string, unknown>[] = []
beforeAll(async () => {
  smtp = await startSmtp()
  const destination = new Writable({
    write(chunk, _encoding, done) {
      lines.push(JSON.parse(String(chunk)))
      done()
    },
  })
  house = await openHouse(
    {
      SIVO_RETRY_SCHEDULE: '50ms',
      SIVO_PUBLIC_URL: CONSOLE,
      SIVO_SMTP_URL: `smtp://127.0.0.1:${smtp.port}`,
      SIVO_SMTP_FROM: 'SIVO Webhooks <hooks@example.com>',
      SIVO_NOTICES_EMAIL: 'ops@example.com, night@example.com',
      SIVO_NOTICES_SCOPE: 'gateway',
      SIVO_NOTICES_EVERY: '10ms',
    },
    { log: pino({ level: 'info' }, destination) },
  )
})
afterAll(async () => {
  await house.close()
  await smtp.stop()
})

const unique = () => randomBytes(4).toString('hex')

/** A tenant whose notices go to an e-mail address of its own. */
async function tenantWithMail() {
  const name = `Acme ${unique()}`
  const tenantId = await house.addTenant(name)
  const address = `${unique()}@example.com`
  const recipient = await addNoticeRecipient(house.app.ctx, OPERATOR, { tenantId, kind: 'EMAIL', address })
  const mails = () => smtp.mails.filter(({ to }) => to.includes(address))
  const untilMails = async (count: number) => {
    await smtp.until(() => mails().length >= count)
    return mails()
  }
  return { tenantId, name, address, recipient, mails, untilMails }
}

/** The mails to the address of this one. */
const tenantMails = ({ to }: ReceivedMail) => smtp.mails.filter((mail) => mail.to.includes(to[0]!))

/** The texts of all mails but the first. */
const textsAfter = ([, ...mails]: ReceivedMail[]) => mails.map(({ text }) => text).join('\n')

const anEndpoint = (tenantId: string, name = 'CRM') =>
  house.addEndpoint('https://crm.example.com/hooks/a-secret-token', { tenantId, name, status: 'ACTIVE' })

/** The endpoint has failed for so long, and the gateway looks at it. */
async function fail(tenantId: string, endpointId: string, ms = 2 * HOUR) {
  const { db } = house.app.ctx
  const failingSince = new Date(Date.now() - ms)
  const health = {
    tenantId,
    state: 'FAILING',
    failingSince,
    lastFailureAt: new Date(),
    consecutiveFailures: 40,
    failedDeliveries: 9,
  } as const
  await db.endpointHealth.upsert({ where: { endpointId }, create: { endpointId, ...health }, update: health })
  await house.until(async () => (await watchHealth(house.app.ctx)) !== null)
}

/** An attempt succeeded. */
async function recover(endpointId: string) {
  const data = { state: 'HEALTHY', failingSince: null, lastSuccessAt: new Date() } as const
  await house.app.ctx.db.endpointHealth.update({ where: { endpointId }, data })
  await house.until(async () => (await watchHealth(house.app.ctx)) !== null)
  await endWhatIsOver()
}

/** Ends what is over; another round may be doing so at this moment. */
const endWhatIsOver = () => endIncidents(house.app.ctx)

const openIncidents = (tenantId: string) =>
  house.app.ctx.db.noticeIncident.findMany({ where: { tenantId, endedAt: null } })

test('a round that loses the database while it tells several recipients fails once', async () => {
  const { ctx } = house.app
  let claims = 0
  const losing = {
    ...ctx.hot,
    async query<Row>(...[statement]: Parameters<typeof ctx.hot.query>): Promise<Row[]> {
      await turn()
      if (statement.name !== 'claim-recipient') throw new Error('The database is away.')
      claims++
      return [{ id: randomUUID(), tenantId: null, kind: 'EMAIL', sealed: null, failures: 0 } as Row]
    },
  }
  const channels = { mail: async () => ({ sent: true }) as const, post: () => Promise.reject(new Error('not used')) }
  await expect(createPostman({ ...ctx, hot: losing }, channels).postDue()).rejects.toThrow('The database is away.')
  // The failures of the others are nobody's to hear. Unheard ones would end the process.
  for (let turns = 0; turns < 10; turns++) await turn()
  expect(claims).toBe(3)
})

describe('notices by e-mail', () => {
  test('one message comes when an endpoint fails, and one when it works again, with a link that opens it in the console', async () => {
    const { tenantId, name, mails, untilMails } = await tenantWithMail()
    const { id } = await anEndpoint(tenantId)
    await fail(tenantId, id)
    const [begin] = await untilMails(1)
    expect(begin!.headers.get('subject')).toBe(`[SIVO] CRM of ${name} fails`)
    expect(begin!.headers.get('from')).toBe('SIVO Webhooks <hooks@example.com>')
    expect(begin!.text).toMatch(
      /^CRM of Acme \w+ \(crm\.example\.com\) has failed since 20\d\d-\d\d-\d\d \d\d:\d\d UTC: /,
    )
    expect(begin!.text).toContain(
      `${CONSOLE}/endpoints/${toPublicId('endpoint', id)}?tenant=${toPublicId('tenant', tenantId)}`,
    )
    expect(begin!.text).not.toContain('a-secret-token')

    // A second warning, and reports of what is known, are part of the same incident.
    const { db } = house.app.ctx
    const details = { failingSince: new Date().toISOString(), again: false }
    await db.report.createMany({
      data: [
        { kind: 'endpoint.warning', tenantId, endpointId: id, details },
        { kind: 'dead_letters.counted', tenantId, endpointId: id, details: { count: 2 } },
      ],
    })
    await house.until(async () => (await db.report.count({ where: { tenantId } })) === 0)
    await recover(id)
    const [, end] = await untilMails(2)
    expect(end!.headers.get('subject')).toBe(`[SIVO] CRM of ${name} works again`)
    expect(end!.text).toContain('works again, after 2 hours. 2 deliveries became dead letters.')
    expect(end!.headers.get('references')).toBe(begin!.headers.get('references'))
    expect(await openIncidents(tenantId)).toEqual([])
    await new Promise((resolve) => setTimeout(resolve, 2_000))
    expect(mails()).toHaveLength(2)
  })

  test('an endpoint that the gateway disables is told of, and so is who resumes it', async () => {
    const { tenantId, mails, untilMails } = await tenantWithMail()
    const { id } = await anEndpoint(tenantId)
    await fail(tenantId, id)
    await untilMails(1)
    const { hot } = house.app.ctx
    await hot.transaction((tx) => changeEndpointStatus(tx, [id], 'disabled', { by: 'gateway', disabledReason: 'gone' }))
    const [, disabled] = await untilMails(2)
    expect(disabled!.text).toMatch(/was disabled on .* because its receiver answered 410\. Its deliveries are held/)
    await hot.transaction((tx) => changeEndpointStatus(tx, [id], 'resumed', { by: OPERATOR }))
    await endWhatIsOver()
    const [, , resumed] = await untilMails(3)
    expect(resumed!.text).toMatch(/ was resumed by Olga, after /)
    // The end of "fails" is no message of its own: "disabled" took its place.
    expect(mails()).toHaveLength(3)
  })

  test('an endpoint that was paused while it failed, and fails again when it is resumed, is told of again', async () => {
    const { tenantId, untilMails } = await tenantWithMail()
    const { id } = await anEndpoint(tenantId)
    const { ctx } = house.app
    await fail(tenantId, id)
    await untilMails(1)
    await pauseEndpoint(ctx, OPERATOR, { endpointId: id })
    await endWhatIsOver()
    await untilMails(2)
    await resumeEndpoint(ctx, OPERATOR, { endpointId: id })
    await fail(tenantId, id, 1.5 * HOUR)
    const [, , again] = await untilMails(3)
    expect(again!.text).toContain('has failed since')
  })

  test('dead letters are one incident, and the message of its end has their number', async () => {
    const { tenantId, untilMails } = await tenantWithMail()
    const receiver = await house.receiver({ answer: 500 })
    const { id } = await house.addEndpoint(receiver.url('/'), { tenantId, name: 'CRM' })
    await house.publishFor(tenantId, {}, {}, {})
    await house.until(async () => (await house.deliveries({ tenantId, status: 'DEAD_LETTERED' })).length === 3)
    await foldHealth(house.app.ctx)
    const [begin] = await untilMails(1)
    expect(begin!.text).toContain('become dead letters')
    // A round of the house may have folded some of them, and may still be folding others.
    const { noticeIncident } = house.app.ctx.db
    await house.until(() => noticeIncident.findFirst({ where: { endpointId: id, deadLetters: 3 } }))
    await noticeIncident.updateMany({ where: { endpointId: id }, data: { lastAt: new Date(Date.now() - 2 * HOUR) } })
    await endWhatIsOver()
    const [, end] = await untilMails(2)
    expect(end!.text).toContain('3 deliveries became dead letters.')
  })

  test('a backlog, an old secret and an endpoint that is paused each have a message of their end', async () => {
    const { tenantId, untilMails } = await tenantWithMail()
    const { db, hot } = house.app.ctx
    const [slow, old, paused] = [
      await anEndpoint(tenantId, 'Slow'),
      await anEndpoint(tenantId, 'Old'),
      await anEndpoint(tenantId, 'Paused'),
    ]
    const time = new Date().toISOString()
    const behind = { behindSince: new Date() }
    const { id: secretId } = await db.signingSecret.findFirstOrThrow({ where: { endpointId: old.id } })
    await db.endpointHealth.createMany({
      data: [
        { endpointId: slow.id, tenantId, ...behind },
        { endpointId: old.id, tenantId, rotationToldFor: secretId },
        { endpointId: paused.id, tenantId, ...behind },
      ],
    })
    const backlog = { oldestDueAt: time, waitingCount: 3 }
    const rotation = { secretCreatedAt: time, ageDays: 400 }
    await db.report.createMany({
      data: [
        { kind: 'backlog.growing', tenantId, endpointId: slow.id, details: backlog },
        { kind: 'signing_secret.rotation_due', tenantId, endpointId: old.id, details: rotation },
        { kind: 'backlog.growing', tenantId, endpointId: paused.id, details: backlog },
      ],
    })
    const [begin] = await untilMails(1)
    expect(begin!.text).toContain('is 400 days old. Rotate it.')
    await endWhatIsOver()
    expect(await openIncidents(tenantId)).toHaveLength(3)
    await db.endpointHealth.update({ where: { endpointId: slow.id }, data: { behindSince: null } })
    const sealed = Buffer.from('sealed')
    await db.signingSecret.create({
      data: { tenantId, endpointId: old.id, sealed, hint: 'hint', activeFrom: new Date(Date.now() + HOUR) },
    })
    await hot.transaction((tx) => changeEndpointStatus(tx, [paused.id], 'paused', { by: OPERATOR }))
    await endWhatIsOver()
    const told = () => textsAfter(tenantMails(begin!))
    await smtp.until(() => told().includes('has caught up') && told().includes('was rotated'))
    expect(told()).toMatch(/Paused of .* was paused by Olga\./)
    expect(await openIncidents(tenantId)).toEqual([])
  })

  test('incidents that begin together come in one message', async () => {
    const { tenantId, mails, untilMails } = await tenantWithMail()
    const names = ['CRM', 'Billing', 'Warehouse']
    const endpoints = []
    for (const name of names) endpoints.push(await anEndpoint(tenantId, name))
    const { db } = house.app.ctx
    const reports = endpoints.map(({ id }) => ({
      kind: 'backlog.growing',
      tenantId,
      endpointId: id,
      details: { oldestDueAt: new Date().toISOString(), waitingCount: 1200 },
    }))
    await db.endpointHealth.createMany({
      data: endpoints.map(({ id }) => ({ endpointId: id, tenantId, behindSince: new Date() })),
    })
    await db.report.createMany({ data: reports })
    const [message] = await untilMails(1)
    expect(message!.headers.get('subject')).toBe('[SIVO] 3 incidents began')
    for (const name of names) expect(message!.text).toContain(`${name} of `)
    expect(message!.text).toContain('1,200 deliveries wait')
    await new Promise((resolve) => setTimeout(resolve, 1_500))
    expect(mails()).toHaveLength(1)
  })

  test('while the SMTP server is away notices wait, the log says so in one line, and each is sent once when it is back', async () => {
    const { tenantId, recipient, mails, untilMails } = await tenantWithMail()
    const { id } = await anEndpoint(tenantId)
    const seen = lines.length
    await smtp.stop()
    try {
      await fail(tenantId, id)
      const waiting = () => house.app.ctx.db.notice.count({ where: { recipientId: recipient.id } })
      await house.until(async () => (await waiting()) === 1)
      await house.until(
        async () =>
          (await house.app.ctx.db.noticeRecipient.findUniqueOrThrow({ where: { id: recipient.id } })).lastError,
      )
      await recover(id)
      await house.until(async () => (await waiting()) === 2)
    } finally {
      await smtp.start()
    }
    const [begin, end] = await smtp.until(() => mails().length >= 2, 40_000).then(() => untilMails(2))
    expect(begin!.text).toContain('has failed since')
    expect(end!.text).toContain('works again')
    const said = lines.slice(seen).filter(({ msg }) => String(msg).startsWith('smtp.'))
    expect(said.map(({ msg }) => msg)).toEqual(['smtp.away', 'smtp.back'])
    expect(said[0]!['reason']).toMatch(
      /^The SMTP server 127\.0\.0\.1:\d+ cannot be used: .*ECONNREFUSED.* Notices wait, and/,
    )
    await new Promise((resolve) => setTimeout(resolve, 1_500))
    expect(mails()).toHaveLength(2)
    const after = await house.app.ctx.db.noticeRecipient.findUniqueOrThrow({ where: { id: recipient.id } })
    expect(after).toMatchObject({ lastError: null, lastSentAt: expect.any(Date) })
  }, 60_000)

  test('an address that the SMTP server refuses keeps nobody else from being told, and shows why', async () => {
    const { tenantId, untilMails } = await tenantWithMail()
    const { ctx } = house.app
    const wrong = await addNoticeRecipient(ctx, OPERATOR, { tenantId, kind: 'EMAIL', address: 'unknown@example.com' })
    const { id } = await anEndpoint(tenantId)
    await fail(tenantId, id)
    await untilMails(1)
    const refused = await house.until(async () => {
      const row = await ctx.db.noticeRecipient.findUniqueOrThrow({ where: { id: wrong.id } })
      return row.lastError
    })
    expect(refused).toMatch(/^The SMTP server 127\.0\.0\.1:\d+ refused the message: .*No such user here/)
    expect(await ctx.db.notice.count({ where: { recipientId: wrong.id } })).toBe(1)
    await removeNoticeRecipient(ctx, OPERATOR, { id: wrong.id })
    expect(await ctx.db.notice.count({ where: { recipientId: wrong.id } })).toBe(0)
  })

  test('processes that send at the same time send each notice once', async () => {
    const others = [await house.openAnother(), await house.openAnother()]
    const tenants = []
    for (let i = 0; i < 12; i++) tenants.push(await tenantWithMail())
    const endpoints = []
    for (const { tenantId } of tenants) endpoints.push(await anEndpoint(tenantId))
    await Promise.all(endpoints.map(({ tenantId, id }) => fail(tenantId, id)))
    for (const { untilMails } of tenants) await untilMails(1)
    await Promise.all(endpoints.map(({ id }) => recover(id)))
    for (const { untilMails } of tenants) await untilMails(2)
    await new Promise((resolve) => setTimeout(resolve, 2_000))
    expect(tenants.map(({ mails }) => mails().length)).toEqual(tenants.map(() => 2))
    await Promise.all(others.map((other) => other.stopWorking(1_000)))
  }, 40_000)
})

describe('notices by webhook', () => {
  test('Slack and Teams get a message in their form, and no name becomes a link or a mention', async () => {
    const tenantId = await house.addTenant('A & B <!channel>')
    const [slack, teams] = [await house.receiver(), await house.receiver({ answer: 202 })]
    const { ctx } = house.app
    const address = (receiver: typeof slack) => receiver.url('/services/T00000000/a-long-secret-token')
    const toSlack = await addNoticeRecipient(ctx, OPERATOR, { tenantId, kind: 'SLACK', address: address(slack) })
    await addNoticeRecipient(ctx, OPERATOR, { tenantId, kind: 'TEAMS', address: address(teams) })
    expect(toSlack.hint).not.toContain('a-long-secret-token')
    expect(Buffer.from(toSlack.sealed!).toString('latin1')).not.toContain('a-long-secret-token')
    const { id } = await anEndpoint(tenantId, '[CRM](https://evil.example)')
    await fail(tenantId, id)
    const link = `${CONSOLE}/endpoints/${toPublicId('endpoint', id)}?tenant=${toPublicId('tenant', tenantId)}`

    const [toldSlack] = await slack.until((requests) => requests.length === 1)
    expect(toldSlack!.headers['content-type']).toBe('application/json')
    const { text } = JSON.parse(toldSlack!.body.toString())
    expect(text).toContain(`<${link.replaceAll('&', '&amp;')}|Open in the console>`)
    expect(text).toContain('A &amp; B &lt;!channel&gt;')

    const [toldTeams] = await teams.until((requests) => requests.length === 1)
    const { type, attachments } = JSON.parse(toldTeams!.body.toString())
    expect(type).toBe('message')
    expect(attachments[0]).toMatchObject({
      contentType: 'application/vnd.microsoft.card.adaptive',
      content: { type: 'AdaptiveCard', version: '1.4' },
    })
    // Only these show text as it is; a TextBlock reads Markdown.
    for (const block of attachments[0].content.body) expect(block.type).toBe('RichTextBlock')
    expect(JSON.stringify(attachments)).toContain(link)
  })

  test('a webhook that fails is tried again, and a private address is never called', async () => {
    const tenantId = await house.addTenant()
    const slack = await house.receiver({ answer: 503 })
    const { ctx } = house.app
    const failing = await addNoticeRecipient(ctx, OPERATOR, { tenantId, kind: 'SLACK', address: slack.url('/') })
    const sealed = new Uint8Array(ctx.vault.seal('https://10.1.2.3/hook', belongsToTenant(tenantId)))
    const hidden = await ctx.db.noticeRecipient.create({ data: { tenantId, kind: 'TEAMS', sealed, hint: 'hidden' } })
    for (const { id } of [failing, hidden]) await sendTestNotice(ctx, OPERATOR, { id })
    const errorOf = (id: string) =>
      house.until(async () => (await ctx.db.noticeRecipient.findUniqueOrThrow({ where: { id } })).lastError)
    expect(await errorOf(failing.id)).toBe('The server answered HTTP 503.')
    expect(await errorOf(hidden.id)).toMatch(/^The endpoint's host is an IP address\./)
    await expect(sendTestNotice(ctx, OPERATOR, { id: failing.id })).rejects.toThrow(
      'A test to this recipient waits already. The last message was not sent: The server answered HTTP 503.',
    )
    slack.answer(200)
    await ctx.db.noticeRecipient.updateMany({ where: { id: failing.id }, data: { nextAt: new Date() } })
    await slack.until((requests) => requests.length === 2)
    expect(JSON.parse(slack.requests[1]!.body.toString()).text).toContain('A test of your notices')
    await house.until(async () => (await ctx.db.notice.count({ where: { recipientId: failing.id } })) === 0)
  })
})

// The last one: after a failure of the network, the gateway no longer counts what failed before.
describe('notices to operators', () => {
  test('the operators are told when most hosts fail and when that is over', async () => {
    const { db } = house.app.ctx
    const ofOperators = () => smtp.mails.filter(({ to }) => to.includes('night@example.com'))
    await db.healthWatch.updateMany({ data: { brakedSince: new Date() } })
    await db.report.create({ data: { kind: 'network.failing' } })
    await smtp.until(() => ofOperators().length >= 1)
    const [begin] = ofOperators()
    expect(begin!.to).toEqual(['ops@example.com', 'night@example.com'])
    expect(begin!.headers.get('subject')).toBe('[SIVO] Most hosts fail')
    await db.healthWatch.updateMany({ data: { brakedSince: null } })
    await endWhatIsOver()
    await smtp.until(() => ofOperators().length >= 2)
    expect(ofOperators()[1]!.text).toContain('Most hosts work again')
    // SIVO_NOTICES_SCOPE=gateway: nothing of the tenants of the other tests came.
    expect(ofOperators()).toHaveLength(2)

    const aDayAgo = new Date(Date.now() - 25 * HOUR)
    await db.noticeRecipient.updateMany({ where: { tenantId: null }, data: { createdAt: aDayAgo } })
    await db.healthWatch.updateMany({ data: { brakedSince: aDayAgo } })
    await db.report.create({ data: { kind: 'network.failing', at: aDayAgo } })
    await smtp.until(() => ofOperators().length >= 3)
    await db.healthWatch.updateMany({ data: { brakedSince: null } })
    await endWhatIsOver()
    await smtp.until(() => ofOperators().length >= 4)
    expect(ofOperators()[3]!.text).toContain('no longer put down to the network of the gateway, after 1 day')
  })
})
