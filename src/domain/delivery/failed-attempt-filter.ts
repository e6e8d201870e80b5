/** Which failed attempts a list shows. Ids are database ids. null matches everything, an empty list matches nothing. */
export type FailedAttemptFilter = {
  readonly tenantId: string
  readonly endpointIds: readonly string[] | null
  readonly statusCodes: readonly number[] | null
  readonly errorCodes: readonly string[] | null
  /** Whether the delivery has succeeded since. */
  readonly delivered: boolean | null
  readonly test: boolean | null
  /** Inclusive, on `startedAt`. */
  readonly from: Date | null
  /** Exclusive, on `startedAt`. */
  readonly to: Date | null
}
