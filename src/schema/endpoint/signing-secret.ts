import { completeSecretRotation, rotateSigningSecret } from '../../gateway/admin/rotate-signing-secret.ts'
import { idOfMutation, viewerOf } from '../access/tenancy.ts'
import { ADMINISTRATORS, builder } from '../base/builder.ts'
import { Endpoint } from './endpoint.ts'

const RotateSigningSecretSuccess = builder
  .objectRef<{ endpoint: { id: string }; signingSecret: string; overlapEndsAt: Date }>('RotateSigningSecretSuccess')
  .implement({
    description: 'A new signing secret was created. This answer is the only one that shows it.',
    fields: (t) => ({
      endpoint: t.field({
        type: Endpoint,
        description: 'The endpoint as it is now.',
        resolve: ({ endpoint }) => endpoint,
      }),
      signingSecret: t.exposeString('signingSecret', {
        description: 'The new secret with which the receiver verifies signatures.',
      }),
      overlapEndsAt: t.expose('overlapEndsAt', {
        type: 'DateTime',
        description: 'When the overlap ends. Until then both the old and the new secret sign.',
      }),
    }),
  })

const CompleteSecretRotationSuccess = builder
  .objectRef<{ endpoint: { id: string } }>('CompleteSecretRotationSuccess')
  .implement({
    description: 'The rotation was completed. Only the new secret signs.',
    fields: (t) => ({
      endpoint: t.field({
        type: Endpoint,
        description: 'The endpoint as it is now.',
        resolve: ({ endpoint }) => endpoint,
      }),
    }),
  })

builder.mutationFields((t) => ({
  rotateSigningSecret: t.field({
    type: RotateSigningSecretSuccess,
    errors: {},
    description: 'Creates a new signing secret. A second rotation during an overlap replaces the next secret.',
    authScopes: { roles: ADMINISTRATORS },
    args: {
      endpointId: t.arg.id({ required: true, description: 'The id of the endpoint.' }),
      overlapHours: t.arg.int({
        required: true,
        defaultValue: 24,
        description:
          'How many hours both secrets sign, from 0 to 168. With 0 the new secret replaces the old one at once.',
      }),
    },
    resolve: (_root, { endpointId, overlapHours }, ctx) =>
      rotateSigningSecret(ctx, viewerOf(ctx), {
        endpointId: idOfMutation('endpoint', endpointId, ['endpointId']),
        overlapHours,
      }),
  }),
  completeSecretRotation: t.field({
    type: CompleteSecretRotationSuccess,
    errors: {},
    description: 'Ends the overlap of a rotation now, because the receiver knows the new secret.',
    authScopes: { roles: ADMINISTRATORS },
    args: { endpointId: t.arg.id({ required: true, description: 'The id of the endpoint.' }) },
    resolve: async (_root, { endpointId }, ctx) => ({
      endpoint: await completeSecretRotation(ctx, viewerOf(ctx), {
        endpointId: idOfMutation('endpoint', endpointId, ['endpointId']),
      }),
    }),
  }),
}))
