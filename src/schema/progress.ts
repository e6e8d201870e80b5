import type { DeliveryStep, ProgressStep } from '../domain/delivery-progress.ts'
import { withinReach } from '../domain/viewer.ts'
import { RequestError } from '../errors.ts'
import { watchTest } from '../gateway/deliver/test-steps.ts'
import { builder, READERS } from './builder.ts'
import { lookup } from './tenancy.ts'

const DeliveryStepEnum = builder.enumType('DeliveryStep', {
  description: 'A step of an attempt that was taken.',
  values: {
    DNS: { description: 'The host was resolved.' },
    CONNECT: { description: 'The connection stands.' },
    TLS: { description: 'It is encrypted, and the receiver is who it should be.' },
    REQUEST_SENT: { description: 'The whole request was sent.' },
    FIRST_BYTE: { description: 'The reply begins.' },
    DONE: { description: 'The reply is complete, or the attempt failed.' },
  } satisfies Record<DeliveryStep, { description: string }>,
})

const DeliveryProgress = builder.objectRef<ProgressStep>('DeliveryProgress').implement({
  description:
    'How far the attempt of a test is. Over a connection that was there already the first three are left out.',
  fields: (t) => ({
    step: t.expose('step', { type: DeliveryStepEnum, description: 'What was done.' }),
    atMs: t.exposeFloat('atMs', { description: 'When, in milliseconds from the beginning of the attempt.' }),
  }),
})

builder.subscriptionField('deliveryProgress', (t) =>
  t.field({
    type: DeliveryProgress,
    description:
      'The steps of a test’s attempt: those taken so far at once, then each as it is taken. Ends when the attempt is recorded.',
    authScopes: { roles: READERS },
    args: { deliveryId: t.arg.id({ required: true, description: 'The delivery of a test.' }) },
    subscribe: async (_root, { deliveryId }, ctx) => {
      const what = lookup(ctx, 'delivery', deliveryId)
      const found =
        what &&
        (await ctx.db.delivery.findFirst({
          where: { id: what.id, ...withinReach(what.reach) },
          select: { id: true, test: true },
        }))
      if (!found)
        throw new RequestError('NOT_FOUND', 'deliveryId: there is no such delivery. Check the id, and whose key asks.')
      if (!found.test)
        throw new RequestError(
          'BAD_USER_INPUT',
          'deliveryId: expected the delivery of a test, came another one. Watch it with deliveryUpdates.',
        )
      return watchTest(ctx, found.id)
    },
    resolve: (step: ProgressStep) => step,
  }),
)
