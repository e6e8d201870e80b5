// What ends a command without success. The exit code tells a script what to do next; docs/cli.md lists the codes.

export const EXIT = {
  ok: 0,
  /** The gateway refused, or a check did not hold. The same command gives the same result. */
  refused: 1,
  /** The command line or a file is wrong. */
  usage: 2,
  /** The gateway could not be reached, or asks to wait. The same command may work later. */
  unavailable: 69,
  /** The key or the session is missing, is not accepted, or has not the role. */
  notAllowed: 77,
} as const

export type ExitCode = (typeof EXIT)[keyof typeof EXIT]

/** Ends the command: one sentence for a person, a code for a script. */
export class CommandFailure extends Error {
  override name = 'CommandFailure'
  readonly exitCode: ExitCode
  /** What a program may want to read, with `--json`. */
  readonly details: Record<string, unknown>

  constructor(exitCode: ExitCode, message: string, details: Record<string, unknown> = {}) {
    super(message)
    this.exitCode = exitCode
    this.details = details
  }
}

export const usage = (message: string): CommandFailure => new CommandFailure(EXIT.usage, message)
export const refused = (message: string, details?: Record<string, unknown>): CommandFailure =>
  new CommandFailure(EXIT.refused, message, details)
