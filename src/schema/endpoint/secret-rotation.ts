import { builder } from '../base/builder.ts'

type Coming = { hint: string; createdAt: Date; activeFrom: Date }

export const SecretRotation = builder.objectRef<Coming>('SecretRotation').implement({
  description: 'A rotation of a signing secret that overlaps: both the old and the next secret sign.',
  fields: (t) => ({
    nextSecretHint: t.exposeString('hint', {
      description: 'The prefix and the last four characters of the next secret, to recognise it.',
    }),
    startedAt: t.expose('createdAt', { type: 'DateTime', description: 'When the rotation began.' }),
    endsAt: t.expose('activeFrom', {
      type: 'DateTime',
      description: 'When the overlap ends and the next secret replaces the old one.',
    }),
  }),
})
