// The log of a process. Promise: it holds ids, codes and times, and no secret, key, cookie or payload. What carries one
// is never handed to it; and should a line name one by a telling key all the same, its value is struck out.

import { type DestinationStream, type Logger, pino } from 'pino'
import pretty from 'pino-pretty'

const TELLING = ['authorization', 'cookie', 'secret', 'token', 'password', 'payload', 'body', 'headers', 'sealed']

export type LogOptions = {
  /** One of pino's levels. */
  readonly level: string
  /** Lines for people instead of JSON. */
  readonly readable?: boolean
  /** Absent: standard output. */
  readonly destination?: DestinationStream
}

export function createLog({ level, readable = false, destination }: LogOptions): Logger {
  const options = {
    level,
    redact: TELLING.flatMap((key) => [key, `*.${key}`]),
    serializers: { err: describeError },
  }
  const target = readable
    ? pretty({
        ignore: 'pid,hostname,tenantId,eventId,endpointId',
        translateTime: 'SYS:HH:MM:ss',
        singleLine: true,
        ...(destination ? { destination } : {}),
      })
    : destination
  return target ? pino(options, target) : pino(options)
}

/** An error as the log shows it. Drivers hang whole connections, with their passwords, on theirs. */
function describeError(error: unknown): object {
  if (!(error instanceof Error)) return { message: String(error) }
  const { name, message, stack, cause } = error
  const code = (error as { code?: unknown }).code
  return { type: name, code, message, stack, ...(cause === undefined ? {} : { cause: describeError(cause) }) }
}
