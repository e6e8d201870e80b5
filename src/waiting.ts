// Waiting with an end: for an answer, between two tries, and between two rounds.

const BACK_OFF_MS = [100, 200, 500, 1_000, 2_000]

/** How long to wait after the first, second, … failure in a row, ms; `failures` counts from 0. */
export function backOffMs(failures: number): number {
  return BACK_OFF_MS[Math.min(failures, BACK_OFF_MS.length - 1)]!
}

/** The database did not answer in time. */
export class NoAnswer extends Error {
  override name = 'NoAnswer'
}

/** The promise's value; rejects with NoAnswer when it takes longer than `ms`. The work itself goes on. */
export async function within<T>(ms: number, promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new NoAnswer(`The database did not answer within ${ms} ms.`)), ms)
  })
  promise.catch(() => {})
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}

/** Resolves after `ms`, or at once when the signal is aborted. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve()
    const done = () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, ms)
    signal.addEventListener('abort', done)
  })
}

/** Does the work in rounds, `everyMs` after each other, until it is told to stop; returns what stops it. The work must not throw. */
export function repeat(everyMs: number, work: () => Promise<void>): () => Promise<void> {
  const stopping = new AbortController()
  const rounds = (async () => {
    for (;;) {
      await pause(everyMs, stopping.signal)
      if (stopping.signal.aborted) return
      await work()
    }
  })()
  return async () => {
    stopping.abort()
    await rounds
  }
}
