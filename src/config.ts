// Reads the environment once, into one frozen value. Reports every problem at once: its name, what was expected, what it
// got. The gateway does not start with an incomplete configuration.

import { AddressError, readAddress } from './database/address.ts'
import { isCellName, parseCellUrls } from './domain/access/cell.ts'
import { cellOfToken } from './domain/access/credential.ts'
import { type ClaimRules, parseRoleRules } from './domain/access/openid.ts'
import { parseEndpointUrl } from './domain/endpoint/url.ts'
import { parseEventTtls } from './domain/event/ttl.ts'
import type { FailingPolicy } from './domain/health/failing-endpoint.ts'
import { parseMailAddress, parseSender } from './domain/notices/mail-address.ts'
import type { OperatorNotices } from './domain/notices/settings.ts'
import { parseSmtpUrl, type SmtpServer } from './domain/notices/smtp-url.ts'
import { leastRetentionDays } from './domain/retention.ts'
import { parseDuration, parseSchedule } from './domain/retry-schedule.ts'
import { closeNames } from './domain/values/close-names.ts'
import { fromPublicId } from './domain/values/id.ts'
import { parseNetworks } from './domain/values/network-address.ts'

export type ServiceRole = 'all' | 'api' | 'worker'

export type Config = {
  readonly port: number
  readonly host: string
  /** null for the embedded Postgres under `dataDir`. */
  readonly databaseUrl: string | null
  /** Used instead of `databaseUrl` for every connection, where that is a pooler in transaction mode. */
  readonly databaseDirectUrl: string | null
  /** A streaming standby from which lists are read; null: there is none. */
  readonly databaseReplicaUrl: string | null
  /** The schema of the tables. */
  readonly databaseSchema: string
  readonly dataDir: string
  readonly role: ServiceRole
  /** The cell that this installation is, and where people reach the other ones; null: it is no cell. */
  readonly cell: string | null
  readonly cellUrls: ReadonlyMap<string, string>
  /** null only in embedded mode, which generates it and keeps it in `dataDir`. */
  readonly operatorKey: string | null
  /** 32 bytes; null only in embedded mode, which generates them and keeps them in `dataDir`. */
  readonly secretsKey: Buffer | null
  /** Earlier keys, 32 bytes each. They open secrets that they sealed, and seal no new ones. */
  readonly formerSecretsKeys: readonly Buffer[]
  /** Delays between attempts in milliseconds. */
  readonly retrySchedule: readonly number[]
  /** The share of a delay that may be added at random, 0 to 1. */
  readonly retryJitter: number
  readonly attemptTimeoutMs: number
  /** When the gateway warns about an endpoint that fails, and when it disables it. */
  readonly failingPolicy: FailingPolicy
  /** For how many days events, deliveries and attempts are kept at least. */
  readonly retentionDays: number
  /** How long events of a type are of use, in milliseconds from their acceptance; absent: as long as the schedule lasts. */
  readonly eventTtls: ReadonlyMap<string, number>
  /** How long a delivery that fails holds the line of its subject, at an endpoint that keeps the order of subjects. */
  readonly orderHoldMs: number
  /** How long deliveries to an endpoint that works wait before the gateway tells of it. */
  readonly backlogAfterMs: number
  /** The age from which on a signing secret should be rotated; null: never. */
  readonly secretRotationDays: number | null
  /** The SMTP server for notices and who they come from; null: no notice goes by mail. */
  readonly smtp: {
    readonly server: SmtpServer
    readonly from: { readonly name: string; readonly address: string }
  } | null
  readonly operatorNotices: OperatorNotices
  /** A recipient of notices gets at most one message in this time. */
  readonly noticesEveryMs: number
  readonly allowedNetworks: ReturnType<typeof parseNetworks>
  readonly allowedPorts: readonly number[]
  /** `ip:port` each; empty for the servers of the system. */
  readonly dnsServers: readonly string[]
  readonly demo: boolean
  /** Where people reach the gateway: scheme, host and port, without a slash at the end. null: where each request says. */
  readonly publicUrl: string | null
  /** Where deliveries reach the test receivers of this gateway, without a slash at the end; null: nowhere. */
  readonly receiverUrl: string | null
  /** The OpenID provider with which people sign in to the console; null: they sign in with links alone. */
  readonly openId: OpenIdConfig | null
  /** Origins whose pages may call the API with a key. */
  readonly allowedOrigins: readonly string[]
  /** Proxies in front whose `X-Forwarded-*` headers count. */
  readonly trustedProxies: ReturnType<typeof parseNetworks>
  /** Where a collector takes traces by OTLP over HTTP; null: nothing is traced. */
  readonly tracesUrl: string | null
  /** How long a process that was told to stop goes on serving while `/ready` says 503, ms. */
  readonly drainDelayMs: number
  readonly logLevel: string
  /** Variables that no setting has, and the setting that each of them may be meant for. */
  readonly misspelled: readonly { readonly name: string; readonly meant: string }[]
}

/** A configuration whose database and keys are known. */
export type ReadyConfig = Config & {
  readonly databaseUrl: string
  readonly operatorKey: string
  readonly secretsKey: Buffer
}

export type OpenIdConfig = ClaimRules & {
  readonly issuer: string
  readonly clientId: string
  readonly clientSecret: string
  readonly scopes: string
  /** What the button of the sign-in page calls the provider. */
  readonly label: string
}

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

const MAX_DRAIN_DELAY_MS = 300_000
const MAX_ORDER_HOLD_MS = 86_400_000
const MAX_RETENTION_DAYS = 36_500

const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']

/** Reads the environment. Throws ConfigurationError with every problem found. */
export function readConfig(given: Record<string, string | undefined>): Config {
  const settings = new Set<string>()
  // Every name that is read is a setting, so no list of them can lack one.
  const env = new Proxy(given, {
    get(from, name: string) {
      settings.add(name)
      return from[name]
    },
  })
  const problems: string[] = []
  const read = <T>(name: string, fallback: string, expected: string, parse: (text: string) => T | undefined): T => {
    const text = env[name]?.trim() || fallback
    let value: T | undefined
    try {
      value = parse(text)
    } catch {
      value = undefined
    }
    if (value === undefined) problems.push(`${name}: expected ${expected}, got ${shown(name, text)}.`)
    return value as T
  }

  const database = readDatabase(env, problems)
  const notices = readNotices(read)
  const embedded = database.databaseUrl === null
  const publicUrl = read(
    'SIVO_PUBLIC_URL',
    '',
    'an http or https URL of a host without a path, such as https://hooks.example.com',
    (text) => (text === '' ? null : readOrigin(text.replace(/\/$/, ''), /^https?:$/)),
  )
  const config: Config = {
    port: read('PORT', '4000', 'a port from 0 to 65535', (text) => wholeNumber(text, 0, 65_535)),
    host: read('HOST', '127.0.0.1', 'a host name or an IP address', (text) => text),
    ...database,
    dataDir: read('SIVO_DATA_DIR', '.data', 'a folder', (text) => text),
    role: read('SIVO_ROLE', 'all', 'all, api or worker', (text) => oneOf(['all', 'api', 'worker'] as const, text)),
    cell: read(
      'SIVO_CELL',
      '',
      'a name of 1 to 16 characters a-z and 0-9 that begins with a letter, such as eu1',
      (text) => (text === '' ? null : isCellName(text) ? text : undefined),
    ),
    cellUrls: read(
      'SIVO_CELL_URLS',
      '',
      'names of cells with their http or https URLs without a path, such as eu1=https://eu1.example.com,us1=https://us1.example.com',
      (text) => parseCellUrls(text, (url) => readOrigin(url.replace(/\/$/, ''), /^https?:$/)),
    ),
    operatorKey: read(
      'SIVO_OPERATOR_KEY',
      '',
      'at least 24 characters without spaces (create them with: openssl rand -hex 24)',
      (text) => {
        if (text === '') return embedded ? null : undefined
        return /^[\x21-\x7e]{24,256}$/.test(text) ? text : undefined
      },
    ),
    secretsKey: read(
      'SIVO_SECRETS_KEY',
      '',
      '32 bytes in base64 (create them with: openssl rand -base64 32)',
      (text) => {
        if (text === '') return embedded ? null : undefined
        return readKey(text)
      },
    ),
    formerSecretsKeys: read(
      'SIVO_SECRETS_KEYS_FORMER',
      '',
      'keys of 32 bytes in base64, separated by commas',
      (text) => {
        const keys = text === '' ? [] : text.split(',').map((key) => readKey(key.trim()))
        return keys.every((key) => key !== undefined) ? (keys as Buffer[]) : undefined
      },
    ),
    retrySchedule: read(
      'SIVO_RETRY_SCHEDULE',
      '5s,30s,2m,10m,1h,6h',
      '1 to 50 delays separated by commas, such as 5s,30s,2m',
      parseSchedule,
    ),
    retryJitter: read('SIVO_RETRY_JITTER', '0.1', 'a number from 0 to 1', (text) => {
      const share = Number(text)
      return share >= 0 && share <= 1 ? share : undefined
    }),
    attemptTimeoutMs: read('SIVO_ATTEMPT_TIMEOUT', '10s', 'a duration from 100ms to 10s', (text) => {
      const ms = parseDuration(text)
      return ms >= 100 && ms <= 10_000 ? ms : undefined
    }),
    failingPolicy: {
      warnAfterMs: read('SIVO_WARN_AFTER', '1h', 'a duration up to 30d, such as 1h', parseDuration),
      disableAfterMs: read('SIVO_DISABLE_AFTER', '5d', 'a duration up to 30d, such as 5d, or off', (text) =>
        text === 'off' ? null : parseDuration(text),
      ),
      disableAfterDeliveries: read('SIVO_DISABLE_AFTER_DELIVERIES', '100', 'a whole number from 1 to 1000000', (text) =>
        wholeNumber(text, 1, 1_000_000),
      ),
    },
    retentionDays: read('SIVO_RETENTION_DAYS', '90', `a whole number of days from 1 to ${MAX_RETENTION_DAYS}`, (text) =>
      wholeNumber(text, 1, MAX_RETENTION_DAYS),
    ),
    eventTtls: read(
      'SIVO_EVENT_TTLS',
      '',
      'event types with durations up to 30d, such as transcript.segment=1m,agent.status_changed=10m',
      parseEventTtls,
    ),
    orderHoldMs: read('SIVO_ORDER_HOLD', '10m', 'a duration up to 1d, such as 10m', (text) => {
      const ms = parseDuration(text)
      return ms <= MAX_ORDER_HOLD_MS ? ms : undefined
    }),
    backlogAfterMs: read('SIVO_BACKLOG_AFTER', '5m', 'a duration up to 30d, such as 5m', parseDuration),
    secretRotationDays: read(
      'SIVO_SECRET_ROTATION_DAYS',
      '365',
      'a whole number of days from 1 to 3650, or off',
      (text) => (text === 'off' ? null : wholeNumber(text, 1, 3_650)),
    ),
    ...notices,
    allowedNetworks: read(
      'SIVO_ALLOWED_NETWORKS',
      '',
      'CIDRs separated by commas, such as 127.0.0.0/8,::1/128',
      parseNetworks,
    ),
    allowedPorts: read('SIVO_ALLOWED_PORTS', '443,8443', 'ports from 1 to 65535, separated by commas', (text) => {
      const ports = text.split(',').map((port) => wholeNumber(port.trim(), 1, 65_535))
      return ports.every((port) => port !== undefined) ? (ports as number[]) : undefined
    }),
    dnsServers: read(
      'SIVO_DNS_SERVERS',
      '',
      'addresses separated by commas, each with or without a port, such as 10.0.0.2:53',
      (text) => {
        const servers = text === '' ? [] : text.split(',').map((server) => server.trim())
        return servers.every((server) => /^(\d+(\.\d+){3}|\[[0-9a-fA-F:]+\])(:\d+)?$/.test(server))
          ? servers
          : undefined
      },
    ),
    demo: read('SIVO_DEMO', embedded ? '1' : '0', '1 or 0', (text) => {
      const word = oneOf(['1', '0'] as const, text)
      return word === undefined ? undefined : word === '1'
    }),
    publicUrl,
    receiverUrl: publicUrl?.startsWith('https:') ? publicUrl : null,
    openId: readOpenId(read),
    allowedOrigins: read(
      'SIVO_ALLOWED_ORIGINS',
      '',
      'origins separated by commas, each with its scheme and without a path, such as https://app.example.com,http://localhost:5173',
      (text) => {
        const origins =
          text === '' ? [] : text.split(',').map((origin) => readOrigin(origin.trim(), /^[a-z][a-z0-9+.-]*:$/))
        return origins.every((origin) => origin !== undefined) ? (origins as string[]) : undefined
      },
    ),
    trustedProxies: read(
      'SIVO_TRUSTED_PROXIES',
      '',
      'CIDRs separated by commas, such as 10.0.0.0/8,127.0.0.1/32',
      parseNetworks,
    ),
    drainDelayMs: read('SIVO_DRAIN_DELAY', '0s', 'a duration from 0s to 5m', (text) => {
      if (/^0(ms|s|m)?$/.test(text)) return 0
      const ms = parseDuration(text)
      return ms <= MAX_DRAIN_DELAY_MS ? ms : undefined
    }),
    tracesUrl: read(
      'SIVO_TRACES_URL',
      '',
      'an http or https URL of a collector, such as http://localhost:4318/v1/traces',
      (text) => (text === '' ? null : /^https?:$/.test(new URL(text).protocol) ? text : undefined),
    ),
    logLevel: read('LOG_LEVEL', 'info', `one of ${LOG_LEVELS.join(', ')}`, (text) => oneOf(LOG_LEVELS, text)),
    misspelled: findMisspelled(Object.keys(given), [...settings]), // Last: by now every setting has been read.
  }
  validateNotices(config, env, problems)
  const { warnAfterMs, disableAfterMs } = config.failingPolicy
  if (disableAfterMs && warnAfterMs >= disableAfterMs)
    problems.push(
      `SIVO_WARN_AFTER: expected a shorter time than SIVO_DISABLE_AFTER, so that the gateway warns before it disables an endpoint, got ${shown('SIVO_WARN_AFTER', env['SIVO_WARN_AFTER']?.trim() || '1h')}.`,
    )
  if (config.retentionDays && config.retrySchedule && config.retryJitter !== undefined) {
    const least = leastRetentionDays(config.retrySchedule, config.retryJitter)
    if (config.retentionDays < least)
      problems.push(
        `SIVO_RETENTION_DAYS: expected at least ${least}, because the retries of SIVO_RETRY_SCHEDULE may take so many days, got "${config.retentionDays}". Keep events for longer, or shorten the schedule.`,
      )
  }
  problems.push(...openIdProblems(config, env), ...cellProblems(config))
  if (env['NODE_USE_ENV_PROXY'] && env['NODE_USE_ENV_PROXY'] !== '0')
    problems.push(
      'NODE_USE_ENV_PROXY: expected no value, because deliveries must go to the checked addresses and not to a proxy. Unset it.',
    )
  if (problems.length) throw new ConfigurationError(problems)
  return Object.freeze(config)
}

function findMisspelled(given: readonly string[], settings: readonly string[]): Config['misspelled'] {
  return given
    .filter((name) => /^(SIVO|DATABASE)_/i.test(name) && !settings.includes(name))
    .flatMap((name) => {
      // A lost S is seen, and SIVO_DEV, SIVO_KEY or SIVO_URL are not taken for a setting.
      const [meant] = closeNames(name.toUpperCase(), settings, name.length < 12 ? 1 : 2)
      return meant === undefined ? [] : [{ name, meant }]
    })
}

/** The key of the configuration must not name another cell: proxies would send it there. */
function cellProblems({ cell, cellUrls, operatorKey }: Config): string[] {
  const problems: string[] = []
  if (cellUrls?.size && cell === null)
    problems.push('SIVO_CELL_URLS: expected SIVO_CELL beside it, got none. Set both, or neither.')
  const named = operatorKey ? cellOfToken(operatorKey) : null
  if (named !== null && cell !== undefined && named !== cell)
    problems.push(
      `SIVO_OPERATOR_KEY: expected a key that names ${cell === null ? 'no cell' : `the cell ${cell}`}, got one that names the cell ${named}. Choose another key, or correct SIVO_CELL.`,
    )
  return problems
}

type Read = <T>(name: string, fallback: string, expected: string, parse: (text: string) => T | undefined) => T

function readOpenId(read: Read): OpenIdConfig | null {
  const issuer = read('SIVO_OIDC_ISSUER', '', 'the https URL of an OpenID provider, without a query', readIssuer)
  const clientId = read('SIVO_OIDC_CLIENT_ID', '', 'a text', (text) => text)
  const clientSecret = read('SIVO_OIDC_CLIENT_SECRET', '', 'a text', (text) => text)
  const scopes = read(
    'SIVO_OIDC_SCOPES',
    'openid profile email',
    'scopes separated by spaces, among them openid',
    (text) => (text.split(/\s+/).includes('openid') ? text : undefined),
  )
  const rolesClaim = read('SIVO_OIDC_ROLES_CLAIM', 'roles', 'the name of a claim', (text) => text)
  const roles = read(
    'SIVO_OIDC_ROLES',
    'OPERATOR=OPERATOR,ADMIN=ADMIN,VIEWER=VIEWER',
    'pairs of a value and OPERATOR, ADMIN or VIEWER, such as webhook-admins=ADMIN,support=VIEWER',
    parseRoleRules,
  )
  const tenantClaim = read('SIVO_OIDC_TENANT_CLAIM', 'sivo_tenant', 'the name of a claim', (text) => text)
  const tenantId = read('SIVO_OIDC_TENANT', '', 'the id of a tenant, ten_…', (text) =>
    text === '' ? null : (fromPublicId('tenant', text) ?? undefined),
  )
  const label = read('SIVO_OIDC_LABEL', '', 'a short text', (text) => (text.length <= 60 ? text : undefined))
  if (!issuer) return null
  const rules = { rolesClaim, roles, tenantClaim, tenantId }
  return { issuer, clientId, clientSecret, scopes, label: label || new URL(issuer).host, ...rules }
}

/** Settings of OpenID Connect that need another one. */
function openIdProblems({ openId, publicUrl }: Config, env: Record<string, string | undefined>): string[] {
  const given = (name: string) => Boolean(env[name]?.trim())
  if (!given('SIVO_OIDC_ISSUER'))
    return Object.keys(env)
      .filter((name) => /^SIVO_OIDC_/.test(name) && given(name))
      .map((name) => `${name}: expected SIVO_OIDC_ISSUER beside it, got none. Set both, or neither.`)
  if (!openId) return []
  const missing = ['SIVO_OIDC_CLIENT_ID', 'SIVO_OIDC_CLIENT_SECRET']
    .filter((name) => !given(name))
    .map((name) => `${name}: expected it beside SIVO_OIDC_ISSUER, got nothing. Take it from the provider.`)
  if (publicUrl === null && !given('SIVO_PUBLIC_URL'))
    missing.push(
      'SIVO_PUBLIC_URL: expected it beside SIVO_OIDC_ISSUER, got nothing. The provider sends people back to it.',
    )
  return missing
}

/** null: none is given. */
function readIssuer(text: string): string | null | undefined {
  if (text === '') return null
  const { protocol, username, search, hash, href } = new URL(text)
  return protocol === 'https:' && username === '' && search === '' && hash === '' ? href : undefined
}

/** Where notices go, and how. */
function readNotices(read: Read): Pick<Config, 'smtp' | 'operatorNotices' | 'noticesEveryMs'> {
  const server = read(
    'SIVO_SMTP_URL',
    '',
    'smtp://host:port or smtps://host:port, with user:password@ before the host if it needs a login',
    (text) => (text === '' ? null : parseSmtpUrl(text)),
  )
  const from = read(
    'SIVO_SMTP_FROM',
    '',
    'an e-mail address, with or without a name, such as SIVO <sivo@example.com>',
    (text) => (text === '' ? null : (parseSender(text) ?? undefined)),
  )
  const webhook = (name: string) =>
    read(name, '', 'an https URL of a public host', (text) =>
      /^https:\/\/[^/?#]/i.test(text) ? text : text === '' ? null : undefined,
    )
  return {
    smtp: server && from ? { server, from } : null,
    operatorNotices: {
      emails: read(
        'SIVO_NOTICES_EMAIL',
        '',
        'e-mail addresses separated by commas, such as ops@example.com',
        (text) => {
          const parsed = text === '' ? [] : text.split(',').map((each) => parseMailAddress(each.trim()))
          return parsed.every((each) => 'address' in each) ? parsed.map((each) => each.address) : undefined
        },
      ),
      slackUrl: webhook('SIVO_NOTICES_SLACK_URL'),
      teamsUrl: webhook('SIVO_NOTICES_TEAMS_URL'),
      scope: read('SIVO_NOTICES_SCOPE', 'everything', 'everything or gateway', (text) =>
        oneOf(['everything', 'gateway'] as const, text),
      ),
    },
    noticesEveryMs: read('SIVO_NOTICES_EVERY', '1m', 'a duration up to 30d, such as 1m', parseDuration),
  }
}

/** What the settings of notices need of each other. Settings that are wrong by themselves were reported before. */
function validateNotices(config: Config, env: Record<string, string | undefined>, problems: string[]): void {
  const { operatorNotices, allowedNetworks, allowedPorts, publicUrl } = config
  const isSet = (name: string) => Boolean(env[name]?.trim())
  if (isSet('SIVO_SMTP_URL') !== isSet('SIVO_SMTP_FROM'))
    problems.push(
      `${isSet('SIVO_SMTP_URL') ? 'SIVO_SMTP_FROM' : 'SIVO_SMTP_URL'}: expected a value, because ${isSet('SIVO_SMTP_URL') ? 'SIVO_SMTP_URL' : 'SIVO_SMTP_FROM'} has one, got nothing. Set both, or neither.`,
    )
  if (isSet('SIVO_NOTICES_EMAIL') && !isSet('SIVO_SMTP_URL'))
    problems.push(
      'SIVO_NOTICES_EMAIL: expected SIVO_SMTP_URL beside it, got none. Set the SMTP server, or leave the addresses out.',
    )
  for (const [name, url] of [
    ['SIVO_NOTICES_SLACK_URL', operatorNotices.slackUrl],
    ['SIVO_NOTICES_TEAMS_URL', operatorNotices.teamsUrl],
  ] as const) {
    if (!url || !allowedNetworks || !allowedPorts) continue
    const parsed = parseEndpointUrl(url, { allowedNetworks, allowedPorts })
    if ('url' in parsed) continue
    const [issue] = parsed.issues
    const tells = issue!.includes(url.slice(0, 30))
    problems.push(`${name}: ${tells ? `expected an https URL of a public host, got ${shown(name, url)}` : issue}.`)
  }
  const speaks = NOTICE_SETTINGS.filter(isSet)
  if (speaks.length > 0 && publicUrl === null)
    problems.push(
      `SIVO_PUBLIC_URL: expected the URL of the console, because ${speaks[0]} is set and notices hold links to it, got nothing.`,
    )
}

const NOTICE_SETTINGS = ['SIVO_SMTP_URL', 'SIVO_NOTICES_EMAIL', 'SIVO_NOTICES_SLACK_URL', 'SIVO_NOTICES_TEAMS_URL']

/** Where the database is. */
export type DatabaseConfig = Pick<Config, 'databaseUrl' | 'databaseDirectUrl' | 'databaseReplicaUrl' | 'databaseSchema'>

/** The settings of the database alone, for commands that need no others. Throws ConfigurationError. */
export function readDatabaseConfig(env: Record<string, string | undefined>): DatabaseConfig {
  const problems: string[] = []
  const config = readDatabase(env, problems)
  if (problems.length) throw new ConfigurationError(problems)
  return config
}

function readDatabase(env: Record<string, string | undefined>, problems: string[]): DatabaseConfig {
  const databaseUrl = readDatabaseUrl('DATABASE_URL', env, problems)
  const databaseDirectUrl = readDatabaseUrl('DATABASE_DIRECT_URL', env, problems)
  if (databaseDirectUrl !== null && databaseUrl === null)
    problems.push('DATABASE_DIRECT_URL: expected DATABASE_URL beside it, got none. Set both, or DATABASE_URL alone.')
  const databaseReplicaUrl = readReplicaUrl(env, problems)
  if (databaseReplicaUrl !== null && databaseUrl === null)
    problems.push('DATABASE_REPLICA_URL: expected DATABASE_URL beside it, got none. Set both, or neither.')
  const databaseSchema = env['SIVO_DATABASE_SCHEMA']?.trim() || 'public'
  if (!SCHEMA_NAME.test(databaseSchema) || OTHER_SCHEMAS.test(databaseSchema))
    problems.push(
      `SIVO_DATABASE_SCHEMA: expected a name of a-z, 0-9 and _ with at most 63 characters, none of Postgres' own, sivo or graphile_worker, got ${JSON.stringify(databaseSchema)}.`,
    )
  return { databaseUrl, databaseDirectUrl, databaseReplicaUrl, databaseSchema }
}

const SCHEMA_NAME = /^[a-z_][a-z0-9_]{0,62}$/
/** They hold something else. */
const OTHER_SCHEMAS = /^(pg_.*|information_schema|sivo|graphile_worker)$/

/** null: none is given. A problem does not show the text, which holds a password. */
function readDatabaseUrl(name: string, env: Record<string, string | undefined>, problems: string[]): string | null {
  const text = env[name]?.trim() ?? ''
  if (text === '') return null
  try {
    readAddress(text)
  } catch (error) {
    if (!(error instanceof AddressError)) throw error
    problems.push(...error.problems.map((problem) => `${name}: ${problem}`))
  }
  return text
}

function readReplicaUrl(env: Record<string, string | undefined>, problems: string[]): string | null {
  const before = problems.length
  const url = readDatabaseUrl('DATABASE_REPLICA_URL', env, problems)
  if (url !== null && problems.length === before && readAddress(url).wantsPrimary)
    problems.push(
      'DATABASE_REPLICA_URL: expected the URL of one standby without target_session_attrs, got several hosts or a wish for one that takes writes. Name one standby.',
    )
  return url
}

/** An origin as browsers write it: lower case, without the port that its scheme has anyway. */
function readOrigin(text: string, schemes: RegExp): string | undefined {
  const url = new URL(text)
  const isBare = /^[^/]+:\/\/[^/?#@\\*]+$/.test(text) && url.host !== ''
  return isBare && schemes.test(url.protocol) ? `${url.protocol}//${url.host}` : undefined
}

function readKey(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64')
  return bytes.length === 32 && /^[A-Za-z0-9+/_-]+=*$/.test(text) ? bytes : undefined
}

function wholeNumber(text: string, least: number, most: number): number | undefined {
  if (!/^\d{1,9}$/.test(text)) return undefined
  const value = Number(text)
  return value >= least && value <= most ? value : undefined
}

function oneOf<const T extends string>(words: readonly T[], text: string): T | undefined {
  return words.find((word) => word === text)
}

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
function shown(name: string, text: string): string {
  if (text === '') return 'nothing'
  return SECRET_NAMES.has(name)
    ? `a text of ${text.length} ${text.length === 1 ? 'character' : 'characters'}`
    : JSON.stringify(text)
}
