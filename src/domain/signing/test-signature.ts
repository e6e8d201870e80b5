// How a test event is signed, so that a person sees whether the receiver refuses what it must refuse.

/** `VALID`: as every event. `WRONG`: with a secret that nobody has. `OLD`: rightly, but as of an hour ago, as a replay is. */
export type TestSignature = 'VALID' | 'WRONG' | 'OLD'

/** Receivers allow for a few minutes between the time of the attempt and its arrival. */
const OLD_MS = 3_600_000

/** The time that an attempt made at `now` claims to be of. */
export function claimedTime(signature: TestSignature, now: Date): Date {
  return signature === 'OLD' ? new Date(now.getTime() - OLD_MS) : now
}
