import { builder } from './builder.ts'

type Coming = { hint: string; createdAt: Date; activeFrom: Date }

export const SecretRotation = builder.objectRef<Coming>('SecretRotation').implement({
  description: 'The overlap of a rotation: the old secret signs, and the coming one signs beside it.',
  fields: (t) => ({
    nextSecretHint: t.exposeString('hint', { description: 'Enough of the coming secret to recognise it by.' }),
    startedAt: t.expose('createdAt', { type: 'DateTime', description: 'When the coming secret was made.' }),
    endsAt: t.expose('activeFrom', { type: 'DateTime', description: 'When it takes over.' }),
  }),
})
