// What somebody has opened and must close again. Promise: parts close in the reverse order of their opening, and one that
// fails to close keeps no other from closing.

/** Closes a part. `deadlineMs` is the time that work in the air may still take. */
export type Close = (deadlineMs: number) => unknown

export type Parts = {
  /** Remembers how to close a part that is open now; several closers of one part run at the same time. */
  add(name: string, ...closers: Close[]): void
  /** Closes what is open. Rejects with a CloseFailure, once the last part is closed, when some did not close. */
  close(deadlineMs?: number): Promise<void>
}

/** `errors` holds what the parts threw that did not close; the message names them. */
export class CloseFailure extends AggregateError {
  override name = 'CloseFailure'
}

export function createParts(): Parts {
  const open: { name: string; closers: Close[] }[] = []
  return {
    add(name, ...closers) {
      open.push({ name, closers })
    },
    async close(deadlineMs = 0) {
      const names: string[] = []
      const errors: unknown[] = []
      for (let part = open.pop(); part; part = open.pop()) {
        const ended = await Promise.allSettled(part.closers.map(async (close) => close(deadlineMs)))
        const failed = ended.filter(({ status }) => status === 'rejected') as PromiseRejectedResult[]
        if (failed.length > 0) names.push(part.name)
        errors.push(...failed.map(({ reason }) => reason))
      }
      if (errors.length > 0)
        throw new CloseFailure(errors, `Expected every part to close; these did not: ${names.join(', ')}.`)
    },
  }
}
