// Waiting with an end: for an answer, for as long as somebody listens, between two tries, and between two rounds.

const BACK_OFF_MS = [100, 200, 500, 1_000, 2_000]

/** How long to wait after the first, second, … failure in a row, ms; `failures` counts from 0. */
export function backOffMs(failures: number): number {
  return BACK_OFF_MS[Math.min(failures, BACK_OFF_MS.length - 1)]!
}

/** The database did not answer in time. */
export class NoAnswer extends Error {
  override name = 'NoAnswer'
}

/**
 * The promise's value. Rejects when it takes longer than `ms`, with NoAnswer or with the error that `late` makes. The work itself
 * goes on.
 */
export async function within<T>(
  ms: number,
  promise: Promise<T>,
  late: () => Error = () => new NoAnswer(`The database did not answer within ${ms} ms.`),
): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const tooLate = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(late()), ms)
  })
  promise.catch(() => {})
  try {
    return await Promise.race([promise, tooLate])
  } finally {
    clearTimeout(timer)
  }
}

/** The promise's value; null when the signal is aborted first, or was before. The work itself goes on. */
export async function unlessAborted<T>(signal: AbortSignal, promise: Promise<T>): Promise<T | null> {
  promise.catch(() => {})
  let abort = () => {}
  const aborted = new Promise<null>((resolve) => {
    abort = () => resolve(null)
  })
  signal.addEventListener('abort', abort)
  if (signal.aborted) abort()
  try {
    return await Promise.race([promise, aborted])
  } finally {
    signal.removeEventListener('abort', abort)
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

/**
 * Does the work in rounds until it is told to stop; returns what stops it. It waits `firstMs` before the first round, and after
 * each round as long as the round returns, ms. The work must not throw.
 */
export function repeatAfter(firstMs: number, work: () => Promise<number>): () => Promise<void> {
  const stopping = new AbortController()
  const rounds = (async () => {
    for (let waitMs = firstMs; ; ) {
      await pause(waitMs, stopping.signal)
      if (stopping.signal.aborted) return
      waitMs = await work()
    }
  })()
  return async () => {
    stopping.abort()
    await rounds
  }
}

/** Does the work in rounds, `everyMs` after each other, until it is told to stop; returns what stops it. The work must not throw. */
export function repeat(everyMs: number, work: () => Promise<void>): () => Promise<void> {
  return repeatAfter(everyMs, async () => {
    await work()
    return everyMs
  })
}
