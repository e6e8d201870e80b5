// A setting is a variable of the environment: how its text is read, and what is said where it is not as expected.

/** The environment of the process, by name. */
export type Environment = Record<string, string | undefined>

export const EXIT_CONFIGURATION = 78

/** The configuration is not valid. The message lists every problem. */
export class ConfigurationError extends Error {
  override name = 'ConfigurationError'
  readonly problems: readonly string[]
  constructor(problems: readonly string[]) {
    super(`The configuration is not valid:\n${problems.map((problem) => `  - ${problem}`).join('\n')}`)
    this.problems = problems
  }
}

/**
 * Reads a setting. `parse` returns undefined, or throws, where the text is not as `expected` says; then the problem is noted
 * and the value is undefined, whatever its type says: all problems are reported before any value is used.
 */
export type Read = <T>(name: string, fallback: string, expected: string, parse: (text: string) => T | undefined) => T

/** Each problem that is found is added to `problems`. */
export function settingsOf(env: Environment, problems: string[]): Read {
  return (name, fallback, expected, parse) => {
    const text = env[name]?.trim() || fallback
    let value: ReturnType<typeof parse>
    try {
      value = parse(text)
    } catch {
      value = undefined
    }
    if (value === undefined) problems.push(`${name}: expected ${expected}, got ${shown(name, text)}.`)
    return value as NonNullable<typeof value>
  }
}

export const isSet = (env: Environment, name: string) => Boolean(env[name]?.trim())

const SECRET_NAMES = new Set([
  'SIVO_OIDC_CLIENT_SECRET',
  'SIVO_OPERATOR_KEY',
  'SIVO_SECRETS_KEY',
  'SIVO_SECRETS_KEYS_FORMER',
  'DATABASE_URL',
  'SIVO_SMTP_URL',
  'SIVO_NOTICES_SLACK_URL',
  'SIVO_NOTICES_TEAMS_URL',
])

/** A text as an error shows it: not that of a secret. */
export function shown(name: string, text: string): string {
  if (text === '') return 'nothing'
  return SECRET_NAMES.has(name)
    ? `a text of ${text.length} ${text.length === 1 ? 'character' : 'characters'}`
    : JSON.stringify(text)
}

/** An origin as browsers write it: lower case, without the port that its scheme has anyway. */
export function readOrigin(text: string, schemes: RegExp): string | undefined {
  const url = new URL(text)
  const isBare = /^[^/]+:\/\/[^/?#@\\*]+$/.test(text) && url.host !== ''
  return isBare && schemes.test(url.protocol) ? `${url.protocol}//${url.host}` : undefined
}

export function readKey(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64')
  return bytes.length === 32 && /^[A-Za-z0-9+/_-]+=*$/.test(text) ? bytes : undefined
}

export function wholeNumber(text: string, least: number, most: number): number | undefined {
  if (!/^\d{1,9}$/.test(text)) return undefined
  const value = Number(text)
  return value >= least && value <= most ? value : undefined
}

export function oneOf<const T extends string>(words: readonly T[], text: string): T | undefined {
  return words.find((word) => word === text)
}
