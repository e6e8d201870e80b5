import { type DeployedVersion, listVersions } from '../gateway/recover/deployed-versions.ts'
import { viewerOf } from './access/tenancy.ts'
import { builder, READERS } from './base/builder.ts'

const DeployedVersionType = builder.objectRef<DeployedVersion>('DeployedVersion').implement({
  description: 'A version of the gateway that started after another one.',
  fields: (t) => ({
    version: t.exposeString('version', { description: 'The version.' }),
    at: t.expose('at', { type: 'DateTime', description: 'When its first process started.' }),
  }),
})

const GatewayType = builder.objectRef<object>('Gateway').implement({
  description: 'The gateway itself.',
  fields: (t) => ({
    versions: t.field({
      type: [DeployedVersionType],
      description: 'The versions that started, the newest first: at most 50.',
      complexity: { field: 1, multiplier: 50 },
      resolve: (_gateway, _args, { db }) => listVersions(db),
    }),
    replicaLagSeconds: t.float({
      nullable: true,
      description:
        'For how long the replica for lists has been behind the primary, or away, in seconds; null if there is none, and for others than operators. Lists are never older than their request: while the replica is behind, the primary answers.',
      resolve: (_gateway, _args, ctx) =>
        viewerOf(ctx).role === 'OPERATOR' ? (ctx.replica?.lagSeconds() ?? null) : null,
    }),
  }),
})

builder.queryField('gateway', (t) =>
  t.field({
    type: GatewayType,
    description: 'What the gateway tells of itself.',
    authScopes: { roles: READERS },
    resolve: () => ({}),
  }),
)
