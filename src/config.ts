// Reads the environment once, into one frozen value. Reports every problem at once: its name, what was expected, what it
// got. The gateway does not start with an incomplete configuration.

import { type DatabaseConfig, readDatabase } from './config/database.ts'
import { type NoticesConfig, noticeProblems, readNotices } from './config/notices.ts'
import { type OpenIdConfig, openIdProblems, readOpenId } from './config/openid.ts'
import {
  ConfigurationError,
  type Environment,
  oneOf,
  readKey,
  readOrigin,
  settingsOf,
  shown,
  wholeNumber,
} from './config/setting.ts'
import { isCellName, parseCellUrls } from './domain/access/cell.ts'
import { cellOfToken } from './domain/access/credential.ts'
import { parseEventTtls } from './domain/event/ttl.ts'
import type { FailingPolicy } from './domain/health/failing-endpoint.ts'
import { leastRetentionDays } from './domain/retention.ts'
import { parseDuration, parseSchedule } from './domain/retry-schedule.ts'
import { closeNames } from './domain/values/close-names.ts'
import { parseNetworks } from './domain/values/network-address.ts'

export type ServiceRole = 'all' | 'api' | 'worker'

export type Config = DatabaseConfig & NoticesConfig & OtherConfig

type OtherConfig = {
  readonly port: number
  readonly host: string
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

const MAX_DRAIN_DELAY_MS = 300_000
const MAX_ORDER_HOLD_MS = 86_400_000
const MAX_RETENTION_DAYS = 36_500

const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']

/** Reads the environment. Throws ConfigurationError with every problem found. */
export function readConfig(given: Environment): Config {
  const settings = new Set<string>()
  // Every name that is read is a setting, so no list of them can lack one.
  const env = new Proxy(given, {
    get(from, name: string) {
      settings.add(name)
      return from[name]
    },
  })
  const problems: string[] = []
  const read = settingsOf(env, problems)
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
  problems.push(...noticeProblems(config, env))
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
  problems.push(...openIdProblems(config.openId, publicUrl, env), ...cellProblems(config))
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
