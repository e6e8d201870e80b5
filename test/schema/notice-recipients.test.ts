import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Viewer } from '../../src/context.ts'
import { graphql } from '../../src/generated/gql/gql.ts'
import { type Api, codeOf, openApi, publicId } from './api.ts'

const LIST = graphql(`
  query NoticeRecipients($tenantId: ID) {
    noticeRecipients(tenantId: $tenantId) {
      id
      kind
      address
      waitingCount
      lastSentAt
      lastError
    }
  }
`)
const ADD = graphql(`
  mutation AddRecipient($input: AddNoticeRecipientInput!) {
    addNoticeRecipient(input: $input) {
      __typename
      ... on AddNoticeRecipientSuccess {
        recipient {
          id
          address
        }
      }
      ... on Error {
        message
        code
        path
      }
      ... on ValidationError {
        issues {
          path
          message
        }
      }
    }
  }
`)
const REMOVE = graphql(`
  mutation RemoveRecipient($id: ID!) {
    removeNoticeRecipient(id: $id) {
      __typename
      ... on Error {
        code
      }
    }
  }
`)
const TEST = graphql(`
  mutation TestRecipient($id: ID!) {
    sendTestNotice(id: $id) {
      __typename
      ... on Error {
        code
        message
      }
    }
  }
`)

const SLACK = 'https://hooks.slack.com/services/T00000000/B00000000/a-long-secret-token'

let api: Api
let tenantId: string
let admin: Viewer
beforeAll(async () => {
  api = await openApi()
})
afterAll(() => api.close())

async function asAdmin() {
  tenantId = await api.tenant()
  admin = api.as('ADMIN', tenantId)
}

const add = async (input: Record<string, unknown>, viewer = admin) =>
  (await api.ask(ADD, { input: { kind: 'SLACK', address: SLACK, ...input } as never }, viewer)).data!.addNoticeRecipient

const list = async (viewer = admin, variables = {}) => (await api.ask(LIST, variables, viewer)).data?.noticeRecipients

describe('recipients of notices', () => {
  test('a recipient is listed without the secret of its URL, and adding it again adds nothing', async () => {
    await asAdmin()
    const added = await add({})
    expect(added).toMatchObject({ __typename: 'AddNoticeRecipientSuccess' })
    expect(await add({})).toEqual(added)
    expect(await list()).toEqual([
      {
        id: expect.stringMatching(/^ntr_/),
        kind: 'SLACK',
        address: 'https://hooks.slack.com/services/T00000000/B00000000/…oken',
        waitingCount: 0,
        lastSentAt: null,
        lastError: null,
      },
    ])
    const [{ action, details } = { action: null, details: null }] = await api.ctx.db.auditEntry.findMany({
      where: { tenantId },
    })
    expect(action).toBe('notice_recipient.added')
    expect(JSON.stringify(details)).not.toContain('a-long-secret-token')
  })

  test.each<[string, Record<string, unknown>, string[], RegExp]>([
    ['no URL', { address: 'hooks' }, ['input', 'address'], /^expected a URL that starts with https:\/\//],
    ['a URL without TLS', { address: 'http://hooks.slack.com/x' }, ['input', 'address'], /use HTTPS/],
    [
      'a private address',
      { address: 'https://10.0.0.1/x' },
      ['input', 'address'],
      /^expected a host name, got the address/,
    ],
    ['a name of the local network', { address: 'https://chat.internal/x' }, ['input', 'address'], /public internet/],
    [
      'a port that is not allowed',
      { address: 'https://hooks.slack.com:25/x' },
      ['input', 'address'],
      /^expected one of the ports/,
    ],
    ['mail without an SMTP server', { kind: 'EMAIL', address: 'ana@example.com' }, ['input', 'kind'], /SIVO_SMTP_URL/],
  ])('%s is refused in one sentence, and nothing is stored', async (_, input, path, message) => {
    await asAdmin()
    expect(await add(input)).toMatchObject({
      __typename: 'ValidationError',
      issues: [{ path, message: expect.stringMatching(message) }],
    })
    expect(await list()).toEqual([])
  })

  test('a tenant has at most 20 recipients', async () => {
    await asAdmin()
    for (let i = 0; i < 20; i++) await add({ address: `${SLACK}${i}` })
    expect(await add({ address: `${SLACK}20` })).toMatchObject({ __typename: 'ConflictError', code: 'LIMIT_EXCEEDED' })
    expect(await list()).toHaveLength(20)
  })

  test('a test waits for a worker, once, and goes with its recipient', async () => {
    await asAdmin()
    await add({})
    const [{ id } = { id: '' }] = (await list())!
    const ask = async () => (await api.ask(TEST, { id }, admin)).data!.sendTestNotice
    expect(await ask()).toMatchObject({ __typename: 'SendTestNoticeSuccess' })
    expect(await ask()).toMatchObject({ code: 'CONFLICT', message: expect.stringMatching(/waits already/) })
    expect(await list()).toMatchObject([{ waitingCount: 1 }])
    expect((await api.ask(REMOVE, { id }, admin)).data!.removeNoticeRecipient).toEqual({
      __typename: 'RemoveNoticeRecipientSuccess',
    })
    expect(await list()).toEqual([])
    expect(await api.ctx.db.notice.count()).toBe(0)
  })

  test('another tenant sees and changes nothing, viewers neither, and an operator names the tenant', async () => {
    await asAdmin()
    await add({})
    const [{ id } = { id: '' }] = (await list())!
    const stranger = api.as('ADMIN', await api.tenant())
    const named = { tenantId: publicId('tenant', tenantId) }
    expect(codeOf(await api.ask(LIST, named, stranger))).toBe('NOT_FOUND')
    expect(await list(stranger)).toEqual([])
    expect((await api.ask(REMOVE, { id }, stranger)).data!.removeNoticeRecipient).toMatchObject({ code: 'NOT_FOUND' })
    expect((await api.ask(TEST, { id }, stranger)).data!.sendTestNotice).toMatchObject({ code: 'NOT_FOUND' })
    expect(await add(named, stranger)).toMatchObject({ code: 'NOT_FOUND' })
    expect(codeOf(await api.ask(LIST, {}, api.as('VIEWER', tenantId)))).toBe('FORBIDDEN')
    expect(codeOf(await api.ask(LIST, {}, api.operator))).toBe('BAD_USER_INPUT')
    expect(await list(api.operator, named)).toHaveLength(1)
    expect(await add({}, api.operator)).toMatchObject({ code: 'VALIDATION_FAILED' })
    // The row of the operators is nobody's to change.
    const operators = await api.ctx.db.noticeRecipient.create({ data: { kind: 'EMAIL', hint: 'operators' } })
    const theirs = { id: publicId('noticeRecipient', operators.id) }
    expect((await api.ask(REMOVE, theirs, api.operator)).data!.removeNoticeRecipient).toMatchObject({
      code: 'NOT_FOUND',
    })
  })
})
