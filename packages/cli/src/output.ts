// What a command prints. Results go to standard output: a table for people, JSON with `--json`. Everything else, such as
// the state of a connection, goes to standard error, so that a pipe reads results alone.

export type Output = {
  readonly json: boolean
  /** The result of a command: `value` with --json, else `text`. */
  result(value: unknown, text: string): void
  /** One line for a person. Silent with --json. */
  note(text: string): void
  /** How far a command is. A terminal shows one line that changes, until `endProgress`; a file gets each line. */
  progress(text: string): void
  /** What is printed next stands on a line of its own. */
  endProgress(): void
}

export function openOutput(json: boolean): Output {
  let isLineOpen = false
  return {
    json,
    result: (value, text) => process.stdout.write(json ? `${JSON.stringify(value)}\n` : `${text}\n`),
    note: (text) => {
      if (!json) process.stderr.write(`${text}\n`)
    },
    progress(text) {
      if (json) return
      const isTerminal = process.stderr.isTTY
      process.stderr.write(isTerminal ? `\r\x1b[2K${text}` : `${text}\n`)
      isLineOpen = isTerminal
    },
    endProgress() {
      if (isLineOpen) process.stderr.write('\n')
      isLineOpen = false
    },
  }
}

const BAR_WIDTH = 24

/** `[██████░░░░]  60 %`; `share` is between 0 and 1. */
export function progressBar(share: number): string {
  const filled = Math.round(share * BAR_WIDTH)
  return `[${'█'.repeat(filled)}${'░'.repeat(BAR_WIDTH - filled)}] ${String(Math.floor(share * 100)).padStart(3)} %`
}

/** Rows under their headings, columns as wide as their longest cell. */
export function table(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [headings, ...rows]
  const widths = headings.map((_, column) => Math.max(...all.map((row) => row[column]!.length)))
  return all
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column]!))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

/** A server's text on one line, without what a terminal would obey. */
export function plain(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is taken out
  return text.replace(/[\u0000-\u001f\u007f-\u009f]+/g, ' ')
}
