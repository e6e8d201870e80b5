import { completeSecretRotation, rotateSigningSecret } from '../gateway/admin/rotate-signing-secret.ts'
import { ADMINISTRATORS, builder } from './builder.ts'
import { Endpoint } from './endpoint.ts'
import { idOfMutation, viewerOf } from './tenancy.ts'

const RotateSigningSecretSuccess = builder
  .objectRef<{ endpoint: { id: string }; signingSecret: string; overlapEndsAt: Date }>('RotateSigningSecretSuccess')
  .implement({
    description: 'There is a new signing secret. It is shown here and never again.',
    fields: (t) => ({
      endpoint: t.field({
        type: Endpoint,
        description: 'The endpoint as it is now.',
        resolve: ({ endpoint }) => endpoint,
      }),
      signingSecret: t.exposeString('signingSecret', {
        description: 'What the receiver checks signatures with from now on.',
      }),
      overlapEndsAt: t.expose('overlapEndsAt', {
        type: 'DateTime',
        description: 'Until then the old secret signs and the new one signs beside it.',
      }),
    }),
  })

const CompleteSecretRotationSuccess = builder
  .objectRef<{ endpoint: { id: string } }>('CompleteSecretRotationSuccess')
  .implement({
    description: 'The new secret alone signs.',
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
    description:
      'Makes a new signing secret. A second rotation during an overlap replaces the secret that was to come.',
    authScopes: { roles: ADMINISTRATORS },
    args: {
      endpointId: t.arg.id({ required: true, description: 'The endpoint.' }),
      overlapHours: t.arg.int({
        required: true,
        defaultValue: 24,
        description: 'How long both secrets sign, 0 to 168; 0 switches at once.',
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
    description: 'Ends the overlap of a rotation now: the receiver knows the new secret.',
    authScopes: { roles: ADMINISTRATORS },
    args: { endpointId: t.arg.id({ required: true, description: 'The endpoint.' }) },
    resolve: async (_root, { endpointId }, ctx) => ({
      endpoint: await completeSecretRotation(ctx, viewerOf(ctx), {
        endpointId: idOfMutation('endpoint', endpointId, ['endpointId']),
      }),
    }),
  }),
}))
