import { withinReach } from '../../domain/access/viewer.ts'
import { toPublicId } from '../../domain/values/id.ts'
import { addNoticeRecipient, removeNoticeRecipient, sendTestNotice } from '../../gateway/admin/notice-recipients.ts'
import type { NoticeRecipientKind } from '../../generated/prisma/enums.ts'
import { idOfMutation, type Lookup, namedTenant, tenantOfList, viewerOf } from '../access/tenancy.ts'
import { ADMINISTRATORS, builder, type RequestContext } from '../base/builder.ts'

const MOST_SHOWN = 100

const NoticeRecipientKindEnum = builder.enumType('NoticeRecipientKind', {
  description: 'How a recipient of notices is reached.',
  values: {
    EMAIL: { description: 'By e-mail, through the SMTP server of the deployment.' },
    SLACK: { description: 'By an incoming webhook of Slack, or of what takes the same form, such as Mattermost.' },
    TEAMS: { description: 'By a webhook of a Microsoft Teams workflow.' },
  } satisfies Record<keyof typeof NoticeRecipientKind, { description: string }>,
})

const NoticeRecipient = builder.prismaObject('NoticeRecipient', {
  description:
    'Who gets notices of a tenant. A message comes when an endpoint fails, is disabled, falls behind, gets dead letters or has an old signing secret. Another one comes when that is over.',
  interfaces: [builder.nodeInterfaceRef()],
  select: { id: true },
  fields: (t) => ({
    id: t.id({
      description: 'The id of the recipient. It starts with `ntr_`.',
      resolve: ({ id }) => toPublicId('noticeRecipient', id),
    }),
    kind: t.expose('kind', { type: NoticeRecipientKindEnum, description: 'How the recipient is reached.' }),
    address: t.exposeString('hint', {
      description: 'The e-mail address, or the URL without the parts of it that may be a secret.',
    }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When the recipient was added.' }),
    lastSentAt: t.expose('lastSentAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When the last message was sent; null if none was.',
    }),
    lastFailedAt: t.expose('lastFailedAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When a message could not be sent the last time; null if that never happened.',
    }),
    lastError: t.exposeString('lastError', {
      nullable: true,
      description: 'Why the last message could not be sent; null if it was sent. What could not be sent waits.',
    }),
    waitingCount: t.relationCount('notices', { description: 'The number of notices that wait to be sent.' }),
  }),
})

/** The recipient with this id within reach; null if there is none. The row of the operators is nobody's. */
export async function findNoticeRecipient(ctx: RequestContext, { id, reach }: Lookup): Promise<{ id: string } | null> {
  const where = { AND: [{ id, tenantId: { not: null } }, withinReach(reach)] }
  return ctx.db.noticeRecipient.findFirst({ where, select: { id: true } })
}

builder.queryField('noticeRecipients', (t) =>
  t.prismaField({
    type: [NoticeRecipient],
    nullable: true,
    description:
      'Who gets notices of a tenant, the newest first; null, with the error NOT_FOUND, if the caller cannot see the tenant. The operators of the deployment, whose addresses are settings, are not listed.',
    authScopes: { roles: ADMINISTRATORS },
    args: { tenantId: t.arg.id({ description: 'The tenant. Operators must name it; for others it is their own.' }) },
    complexity: { field: 1, multiplier: 20 },
    resolve: async (query, _root, { tenantId }, ctx) =>
      ctx.db.noticeRecipient.findMany({
        ...query,
        where: withinReach(await tenantOfList(ctx, tenantId)),
        orderBy: { id: 'desc' },
        take: MOST_SHOWN,
      }),
  }),
)

const AddNoticeRecipientInput = builder.inputType('AddNoticeRecipientInput', {
  description: 'The recipient to add.',
  fields: (t) => ({
    tenantId: t.id({ description: 'The tenant. Operators must name it; for others it is their own.' }),
    kind: t.field({ type: NoticeRecipientKindEnum, required: true, description: 'How the recipient is reached.' }),
    address: t.string({
      required: true,
      description:
        'For EMAIL an e-mail address, otherwise the URL of the webhook. The rules for URLs of endpoints hold for it: HTTPS, a public host.',
    }),
  }),
})

const success = (name: string, description: string, of: string) =>
  builder.objectRef<{ recipient: { id: string } }>(name).implement({
    description,
    fields: (t) => ({
      recipient: t.field({ type: NoticeRecipient, description: of, resolve: ({ recipient }) => recipient }),
    }),
  })

const AddSuccess = success(
  'AddNoticeRecipientSuccess',
  'The recipient gets notices of incidents that begin from now on. Adding one that is there already changes nothing.',
  'The recipient.',
)
const TestSuccess = success(
  'SendTestNoticeSuccess',
  'The test waits to be sent, at most a minute. `lastSentAt` and `lastError` of the recipient then tell what became of it.',
  'The recipient as it was when the test was asked for.',
)
const RemoveSuccess = builder.objectRef<{ id: string }>('RemoveNoticeRecipientSuccess').implement({
  description: 'The recipient was removed, with what waited for it.',
  fields: (t) => ({
    recipientId: t.id({
      description: 'The id of the recipient that was removed.',
      resolve: ({ id }) => toPublicId('noticeRecipient', id),
    }),
  }),
})

builder.mutationFields((t) => ({
  addNoticeRecipient: t.field({
    type: AddSuccess,
    errors: {},
    description: 'Adds somebody who gets notices of a tenant. A tenant has at most 20.',
    authScopes: { roles: ADMINISTRATORS },
    args: { input: t.arg({ type: AddNoticeRecipientInput, required: true, description: 'The recipient to add.' }) },
    resolve: async (_root, { input }, ctx) => ({
      recipient: await addNoticeRecipient(ctx, viewerOf(ctx), {
        tenantId: namedTenant(input.tenantId),
        kind: input.kind,
        address: input.address,
      }),
    }),
  }),
  removeNoticeRecipient: t.field({
    type: RemoveSuccess,
    errors: {},
    description: 'Removes somebody who gets notices. What waits for the recipient is not sent.',
    authScopes: { roles: ADMINISTRATORS },
    args: { id: t.arg.id({ required: true, description: 'The id of the recipient to remove.' }) },
    resolve: (_root, { id }, ctx) =>
      removeNoticeRecipient(ctx, viewerOf(ctx), { id: idOfMutation('noticeRecipient', id) }),
  }),
  sendTestNotice: t.field({
    type: TestSuccess,
    errors: {},
    description: 'Sends a test to a recipient of notices.',
    authScopes: { roles: ADMINISTRATORS },
    args: { id: t.arg.id({ required: true, description: 'The id of the recipient.' }) },
    resolve: async (_root, { id }, ctx) => ({
      recipient: await sendTestNotice(ctx, viewerOf(ctx), { id: idOfMutation('noticeRecipient', id) }),
    }),
  }),
}))
