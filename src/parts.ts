// The parts that a program has opened and must close. Promise: they are closed in the reverse order of their opening, and a
// part that does not close keeps no other part from closing.

/** Closes a part. `deadlineMs` is the time that the work of the part may still take. */
export type Close = (deadlineMs: number) => unknown

export type Parts = {
  /** Remembers how to close a part that is open now. The closers of one part run at the same time. */
  add(name: string, ...closers: Close[]): void
  /** Closes all open parts. If some did not close, it rejects with a CloseFailure after the last part. */
  close(deadlineMs?: number): Promise<void>
}

/** The message names the parts that did not close; `errors` has what they threw. */
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
