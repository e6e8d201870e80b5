// The log of a process. Promise: it holds ids, codes, times and sentences of our own, and no secret, key, cookie or payload. The
// gateway never passes such values to the log. If a line has one under a known name all the same, the log removes the value.
// docs/log.md has a sentence for each line.

import { createRequire } from 'node:module'
import { type DestinationStream, type Logger, pino } from 'pino'
import type pretty from 'pino-pretty'

const TELLING = ['authorization', 'cookie', 'secret', 'token', 'password', 'payload', 'body', 'headers', 'sealed']

export type LogOptions = {
  /** A level of pino. */
  readonly level: string
  /** Whether to write lines for people instead of JSON. */
  readonly readable?: boolean
  /** Standard output if absent. */
  readonly destination?: DestinationStream
}

export function createLog({ level, readable = false, destination }: LogOptions): Logger {
  const options = {
    level,
    redact: TELLING.flatMap((key) => [key, `*.${key}`]),
    serializers: { err: describeError },
  }
  const target = readable
    ? loadPretty()({
        ignore: 'pid,hostname,tenantId,eventId,endpointId',
        translateTime: 'SYS:HH:MM:ss',
        singleLine: true,
        ...(destination ? { destination } : {}),
      })
    : destination
  return target ? pino(options, target) : pino(options)
}

/** Only a process that writes for people loads it. */
function loadPretty(): typeof pretty {
  return createRequire(import.meta.url)('pino-pretty')
}

/** An error as the log shows it. The errors of drivers can hold a whole connection with its password. */
function describeError(error: unknown): object {
  if (!(error instanceof Error)) return { message: String(error) }
  const { name, message, stack, cause } = error
  const code = (error as { code?: unknown }).code
  return {
    type: name,
    code,
    message,
    stack,
    ...(cause === undefined ? {} : { cause: describeError(cause) }),
    ...(error instanceof AggregateError ? { errors: error.errors.map(describeError) } : {}),
  }
}

/** Tells of one occurrence of a fault. `name` is a name of the log; `more` are ids and codes. */
export type FaultLog = (name: string, error: unknown, more?: object) => void

/** A fault that did not occur for this long is over. */
const FAULT_OVER_AFTER_MS = 10_000

/**
 * Logs a fault once that many callers meet at the same time: a warning with its error at its first occurrence. When none came
 * for `overAfterMs`, one line `fault.over` has the number of occurrences. Occurrences are the same fault when
 * name and error code are. `onOccurrence` is told of each.
 */
export function createFaultLog(
  log: Logger,
  options: { overAfterMs?: number; onOccurrence?: (name: string) => void } = {},
): FaultLog {
  const { overAfterMs = FAULT_OVER_AFTER_MS, onOccurrence } = options
  const lasting = new Map<string, { count: number; timer: NodeJS.Timeout }>()
  return (name, error, more = {}) => {
    onOccurrence?.(name)
    const code = String((error as { code?: unknown } | null)?.code ?? (error instanceof Error ? error.name : 'none'))
    const key = `${name} ${code}`
    const known = lasting.get(key)
    if (known) {
      known.count++
      known.timer.refresh()
      return
    }
    const timer = setTimeout(() => {
      const { count } = lasting.get(key)!
      lasting.delete(key)
      if (count > 1) log.info({ fault: name, code, count }, 'fault.over')
    }, overAfterMs)
    timer.unref()
    lasting.set(key, { count: 1, timer })
    log.warn({ ...more, err: error }, name)
  }
}
