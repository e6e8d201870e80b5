import { withinReach } from '../../domain/access/viewer.ts'
import type { DeliveryStep, ProgressStep } from '../../domain/delivery/progress.ts'
import { RequestError } from '../../errors.ts'
import { watchTest } from '../../gateway/deliver/test-steps.ts'
import { lookup } from '../access/tenancy.ts'
import { builder, READERS } from '../base/builder.ts'

const DeliveryStepEnum = builder.enumType('DeliveryStep', {
  description: 'A step of an attempt.',
  values: {
    DNS: { description: 'The host was resolved.' },
    CONNECT: { description: 'The connection is open.' },
    TLS: { description: 'The TLS handshake is complete, and the certificate of the receiver was verified.' },
    REQUEST_SENT: { description: 'The whole request was sent.' },
    FIRST_BYTE: { description: 'The first byte of the reply arrived.' },
    DONE: { description: 'The reply is complete, or the attempt failed.' },
  } satisfies Record<DeliveryStep, { description: string }>,
})

const DeliveryProgress = builder.objectRef<ProgressStep>('DeliveryProgress').implement({
  description:
    'A step that the attempt of a test has completed. An attempt over an open connection has no DNS, CONNECT and TLS steps.',
  fields: (t) => ({
    step: t.expose('step', { type: DeliveryStepEnum, description: 'The step that was completed.' }),
    atMs: t.exposeFloat('atMs', { description: 'The time since the attempt began, in milliseconds.' }),
  }),
})

builder.subscriptionField('deliveryProgress', (t) =>
  t.field({
    type: DeliveryProgress,
    description:
      'The steps of a test’s attempt. Completed steps come at once, later ones when they happen. The stream ends when the attempt is recorded.',
    authScopes: { roles: READERS },
    args: { deliveryId: t.arg.id({ required: true, description: 'The id of the delivery, which must be a test.' }) },
    subscribe: async (_root, { deliveryId }, ctx) => {
      const what = lookup(ctx, 'delivery', deliveryId)
      const found =
        what &&
        (await ctx.db.delivery.findFirst({
          where: { id: what.id, ...withinReach(what.reach) },
          select: { id: true, test: true },
        }))
      if (!found)
        throw new RequestError(
          'NOT_FOUND',
          'deliveryId: expected the id of a known delivery, got another one. Check the id, and that your key belongs to its tenant.',
        )
      if (!found.test)
        throw new RequestError(
          'BAD_USER_INPUT',
          'deliveryId: expected the delivery of a test, got another one. Watch it with deliveryUpdates.',
        )
      return watchTest(ctx, found.id)
    },
    resolve: (step: ProgressStep) => step,
  }),
)
