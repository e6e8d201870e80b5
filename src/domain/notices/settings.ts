// Where the operators of a deployment are told.

export type OperatorNotices = {
  readonly emails: readonly string[]
  /** Incoming webhooks, as `parseEndpointUrl` returned them. */
  readonly slackUrl: string | null
  readonly teamsUrl: string | null
  /** `gateway`: the gateway itself alone, and no incidents of tenants. */
  readonly scope: 'everything' | 'gateway'
}
