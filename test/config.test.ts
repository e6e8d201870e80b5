import { describe, expect, test } from 'vitest'
import { ConfigurationError } from '../src/config/setting.ts'
import { type Config, readConfig } from '../src/config.ts'
import { openEmbedded } from '../src/dev/embedded.ts'
import { createLog } from '../src/log.ts'

const SERVED = {
  DATABASE_URL: 'postgres://user:password@db:5432/sivo',
  SIVO_OPERATOR_KEY: 'operator-key-of-24-characters',
  SIVO_SECRETS_KEY: Buffer.alloc(32, 3).toString('base64'),
}

function problemsOf(env: Record<string, string>): readonly string[] {
  try {
    readConfig(env)
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigurationError)
    return (error as ConfigurationError).problems
  }
  return []
}

test('cells have names and addresses, and the operator key of the configuration names no other cell', () => {
  const key = `sivo_us1_${'k'.repeat(43)}`
  expect(readConfig({ ...SERVED, SIVO_CELL: 'us1', SIVO_OPERATOR_KEY: key }).cell).toBe('us1')
  expect(problemsOf({ ...SERVED, SIVO_CELL: 'eu-1' })).toEqual([
    'SIVO_CELL: expected a name of 1 to 16 characters a-z and 0-9 that begins with a letter, such as eu1, got "eu-1".',
  ])
  expect(problemsOf({ ...SERVED, SIVO_CELL: 'eu1', SIVO_OPERATOR_KEY: key })).toEqual([
    'SIVO_OPERATOR_KEY: expected a key that names the cell eu1, got one that names the cell us1. Choose another key, or correct SIVO_CELL.',
  ])
  expect(problemsOf({ ...SERVED, SIVO_CELL_URLS: 'eu1=https://eu1.example.com' })).toEqual([
    'SIVO_CELL_URLS: expected SIVO_CELL beside it, got none. Set both, or neither.',
  ])
  expect(problemsOf({ ...SERVED, SIVO_CELL: 'eu1', SIVO_CELL_URLS: 'eu1=https://eu1.example.com/path' })[0]).toMatch(
    /^SIVO_CELL_URLS: expected names of cells/,
  )
})

test('a variable whose name is almost that of a setting is named with it', () => {
  const env = {
    SIVO_ALLOWED_PORT: '443',
    SIVO_RETENTION_DAY: '3',
    SIVO_LOGLEVEL: 'debug',
    DATABASE_ULR: '',
    sivo_role: 'api',
  }
  expect(readConfig(env).misspelled).toEqual([
    { name: 'SIVO_ALLOWED_PORT', meant: 'SIVO_ALLOWED_PORTS' },
    { name: 'SIVO_RETENTION_DAY', meant: 'SIVO_RETENTION_DAYS' },
    { name: 'DATABASE_ULR', meant: 'DATABASE_URL' },
    { name: 'sivo_role', meant: 'SIVO_ROLE' },
  ])
  const others = ['DEV', 'KEY', 'URL', 'TENANT', 'PROFILE', 'WEBHOOK_SECRET', 'WEBHOOK_SECRETS', 'TARGET_SECRETS_KEY']
  expect(readConfig(Object.fromEntries(others.map((name) => [`SIVO_${name}`, 'x']))).misspelled).toEqual([])
})

test('with nothing set it is the embedded gateway of the contract', () => {
  expect(readConfig({})).toEqual({
    port: 4000,
    host: '127.0.0.1',
    databaseUrl: null,
    databaseDirectUrl: null,
    databaseReplicaUrl: null,
    databaseSchema: 'public',
    dataDir: '.data',
    role: 'all',
    cell: null,
    cellUrls: new Map(),
    operatorKey: null,
    secretsKey: null,
    formerSecretsKeys: [],
    retrySchedule: [5_000, 30_000, 120_000, 600_000, 3_600_000, 21_600_000],
    retryJitter: 0.1,
    attemptTimeoutMs: 10_000,
    failingPolicy: { warnAfterMs: 3_600_000, disableAfterMs: 5 * 86_400_000, disableAfterDeliveries: 100 },
    backlogAfterMs: 300_000,
    secretRotationDays: 365,
    smtp: null,
    operatorNotices: { emails: [], slackUrl: null, teamsUrl: null, scope: 'everything' },
    noticesEveryMs: 60_000,
    retentionDays: 90,
    allowedNetworks: [],
    eventTtls: new Map(),
    orderHoldMs: 600_000,
    allowedPorts: [443, 8443],
    dnsServers: [],
    demo: true,
    publicUrl: null,
    receiverUrl: null,
    openId: null,
    allowedOrigins: [],
    trustedProxies: [],
    drainDelayMs: 0,
    tracesUrl: null,
    logLevel: 'info',
    misspelled: [],
  } satisfies Record<keyof Config, unknown>)
  expect(readConfig(SERVED).demo).toBe(false)
  expect(Object.isFrozen(readConfig({}))).toBe(true)
})

test('every problem is reported at once, by name, with what was expected and what came', () => {
  const problems = problemsOf({
    ...SERVED,
    PORT: '70000',
    SIVO_ROLE: 'boss',
    SIVO_RETRY_SCHEDULE: '5s,soon',
    SIVO_RETRY_JITTER: '2',
    SIVO_ATTEMPT_TIMEOUT: '11s',
    SIVO_WARN_AFTER: 'soon',
    SIVO_DISABLE_AFTER: 'never',
    SIVO_DISABLE_AFTER_DELIVERIES: '0',
    SIVO_BACKLOG_AFTER: '5',
    SIVO_EVENT_TTLS: 'call.nonsense=1m',
    SIVO_ORDER_HOLD: '2d',
    SIVO_SECRET_ROTATION_DAYS: '0',
    SIVO_RETENTION_DAYS: '0',
    SIVO_ALLOWED_NETWORKS: '300.0.0.0/8',
    SIVO_ALLOWED_PORTS: '443,x',
    SIVO_DNS_SERVERS: 'resolver',
    SIVO_DEMO: 'yes',
    SIVO_PUBLIC_URL: 'hooks.example.com',
    SIVO_ALLOWED_ORIGINS: 'https://app.example.com,https://app.example.com/path',
    SIVO_TRUSTED_PROXIES: '10.0.0.1',
    SIVO_DRAIN_DELAY: '6m',
    SIVO_TRACES_URL: 'collector:4318',
    DATABASE_REPLICA_URL: 'postgres://a,b/sivo',
    LOG_LEVEL: 'loud',
    SIVO_SECRETS_KEY: 'c2hvcnQ=',
    SIVO_SECRETS_KEYS_FORMER: `${SERVED.SIVO_SECRETS_KEY},c2hvcnQ=`,
    SIVO_OPERATOR_KEY: 'short',
    DATABASE_URL: 'mysql://db/x',
  })
  expect(problems.map((problem) => problem.split(':', 1)[0]).sort()).toEqual(
    [
      'DATABASE_REPLICA_URL',
      'DATABASE_URL',
      'LOG_LEVEL',
      'PORT',
      'SIVO_ALLOWED_NETWORKS',
      'SIVO_ALLOWED_ORIGINS',
      'SIVO_ALLOWED_PORTS',
      'SIVO_ATTEMPT_TIMEOUT',
      'SIVO_BACKLOG_AFTER',
      'SIVO_SECRET_ROTATION_DAYS',
      'SIVO_DEMO',
      'SIVO_DISABLE_AFTER',
      'SIVO_DISABLE_AFTER_DELIVERIES',
      'SIVO_DNS_SERVERS',
      'SIVO_DRAIN_DELAY',
      'SIVO_EVENT_TTLS',
      'SIVO_ORDER_HOLD',
      'SIVO_OPERATOR_KEY',
      'SIVO_PUBLIC_URL',
      'SIVO_RETENTION_DAYS',
      'SIVO_RETRY_JITTER',
      'SIVO_RETRY_SCHEDULE',
      'SIVO_ROLE',
      'SIVO_SECRETS_KEY',
      'SIVO_SECRETS_KEYS_FORMER',
      'SIVO_TRACES_URL',
      'SIVO_TRUSTED_PROXIES',
      'SIVO_WARN_AFTER',
    ].sort(),
  )
  for (const problem of problems) expect(problem).toMatch(/: expected .+, got .+\.$/)
  expect(problems.join()).toContain('"70000"')
})

test('automatic disabling can be turned off, and a warning must come before it', () => {
  expect(readConfig({ SIVO_DISABLE_AFTER: 'off' }).failingPolicy.disableAfterMs).toBeNull()
  expect(problemsOf({ SIVO_WARN_AFTER: '2d', SIVO_DISABLE_AFTER: '2d' })).toEqual([
    'SIVO_WARN_AFTER: expected a shorter time than SIVO_DISABLE_AFTER, so that the gateway warns before it disables an endpoint, got "2d".',
  ])
})

test('secrets are never shown, and a served gateway must be given its own, with the commands that make them', () => {
  const said = problemsOf({ ...SERVED, SIVO_OPERATOR_KEY: 'hunter2', SIVO_SECRETS_KEY: 'hunter3' }).join()
  expect(said).not.toMatch(/hunter/)
  expect(problemsOf({ DATABASE_URL: SERVED.DATABASE_URL })).toEqual([
    expect.stringContaining('(create them with: openssl rand -hex 24), got nothing.'),
    expect.stringContaining('(create them with: openssl rand -base64 32), got nothing.'),
  ])
})

test('a folder that cannot be made is a problem of the configuration, which names it', async () => {
  const config = readConfig({ SIVO_DATA_DIR: `${import.meta.filename}/data` })
  const opened = openEmbedded(config, createLog({ level: 'silent', readable: false }), () => {})
  await expect(opened).rejects.toThrow(/SIVO_DATA_DIR: expected a folder .*config\.test\.ts\/data" \(ENOTDIR\)/)
  await expect(opened).rejects.toBeInstanceOf(ConfigurationError)
})

test('a retention shorter than the retries may take is refused, in one sentence, with the least that will do', () => {
  expect(problemsOf({ SIVO_RETRY_SCHEDULE: '1h,5d', SIVO_RETENTION_DAYS: '5' })).toEqual([
    expect.stringMatching(/^SIVO_RETENTION_DAYS: expected at least 6, .*SIVO_RETRY_SCHEDULE.*, got "5"\./),
  ])
  expect(readConfig({ SIVO_RETRY_SCHEDULE: '1h,5d', SIVO_RETENTION_DAYS: '6' }).retentionDays).toBe(6)
  for (const text of ['0', '-1', '1.5', '36501', 'never', '90d'])
    expect(problemsOf({ SIVO_RETENTION_DAYS: text })).toEqual([
      expect.stringMatching(/^SIVO_RETENTION_DAYS: expected a whole number of days from 1 to 36500, got/),
    ])
})

test('former keys are a list', () => {
  const former = [Buffer.alloc(32, 1), Buffer.alloc(32, 2)]
  const text = former.map((key) => key.toString('base64')).join(', ')
  expect(readConfig({ ...SERVED, SIVO_SECRETS_KEYS_FORMER: text }).formerSecretsKeys).toEqual(former)
  expect(problemsOf({ SIVO_SECRETS_KEYS_FORMER: 'hunter4,' }).join()).not.toMatch(/hunter/)
})

test('a proxy in the environment is refused: it would undo the checks of addresses', () => {
  expect(problemsOf({ NODE_USE_ENV_PROXY: '1' })).toEqual([expect.stringMatching(/^NODE_USE_ENV_PROXY: expected/)])
  expect(problemsOf({ NODE_USE_ENV_PROXY: '0' })).toEqual([])
})

test('the public address is a host without a path, and origins are as browsers write them', () => {
  const publicUrlOf = (text: string) => readConfig({ SIVO_PUBLIC_URL: text }).publicUrl
  expect(publicUrlOf('https://Hooks.example.com/')).toBe('https://hooks.example.com')
  expect(publicUrlOf('https://hooks.example.com:443')).toBe('https://hooks.example.com')
  expect(publicUrlOf('http://localhost:4000')).toBe('http://localhost:4000')
  for (const text of [
    'hooks.example.com',
    'ftp://hooks.example.com',
    'https://hooks.example.com/webhooks',
    'https://user@hooks.example.com',
    'https://hooks.example.com?a=1',
    'https://hooks.example.com\\evil',
    'https://',
  ])
    expect(problemsOf({ SIVO_PUBLIC_URL: text })).toEqual([
      expect.stringMatching(/^SIVO_PUBLIC_URL: expected .*without a path/),
    ])
  const originsOf = (text: string) => readConfig({ SIVO_ALLOWED_ORIGINS: text }).allowedOrigins
  expect(originsOf('https://app.example.com, http://localhost:5173,https://App.example.com:443')).toEqual([
    'https://app.example.com',
    'http://localhost:5173',
    'https://app.example.com',
  ])
  expect(originsOf('capacitor://localhost,app://bundle')).toEqual(['capacitor://localhost', 'app://bundle'])
  for (const text of [
    '*',
    'https://*.example.com',
    'app.example.com',
    'https://app.example.com/',
    'null',
    'https://a.example,,',
  ])
    expect(problemsOf({ SIVO_ALLOWED_ORIGINS: text })).toEqual([
      expect.stringMatching(/^SIVO_ALLOWED_ORIGINS: expected/),
    ])
})

const OPEN_ID = {
  ...SERVED,
  SIVO_PUBLIC_URL: 'https://hooks.example.com',
  SIVO_OIDC_ISSUER: 'https://id.example.com/realms/main',
  SIVO_OIDC_CLIENT_ID: 'console',
  SIVO_OIDC_CLIENT_SECRET: 'hush',
}

test('OpenID Connect needs an issuer, a client and the public address, and has defaults for the rest', () => {
  expect(readConfig(OPEN_ID).openId).toEqual({
    issuer: 'https://id.example.com/realms/main',
    clientId: 'console',
    clientSecret: 'hush',
    scopes: 'openid profile email',
    label: 'id.example.com',
    rolesClaim: 'roles',
    roles: new Map([
      ['OPERATOR', 'OPERATOR'],
      ['ADMIN', 'ADMIN'],
      ['VIEWER', 'VIEWER'],
    ]),
    tenantClaim: 'sivo_tenant',
    tenantId: null,
  })
  expect(
    problemsOf({ ...SERVED, SIVO_OIDC_ISSUER: OPEN_ID.SIVO_OIDC_ISSUER }).map((each) => each.split(':')[0]),
  ).toEqual(['SIVO_OIDC_CLIENT_ID', 'SIVO_OIDC_CLIENT_SECRET', 'SIVO_PUBLIC_URL'])
  expect(problemsOf({ ...SERVED, SIVO_OIDC_CLIENT_ID: 'console' })).toEqual([
    'SIVO_OIDC_CLIENT_ID: expected SIVO_OIDC_ISSUER beside it, got none. Set both, or neither.',
  ])
})

test('every wrong setting of OpenID Connect is named, and the client secret is not shown', () => {
  const problems = problemsOf({
    ...OPEN_ID,
    SIVO_OIDC_ISSUER: 'http://id.example.com',
    SIVO_OIDC_SCOPES: 'profile',
    SIVO_OIDC_ROLES: 'admins=BOSS',
    SIVO_OIDC_TENANT: 'acme',
    SIVO_OIDC_LABEL: 'x'.repeat(61),
  })
  expect(problems.map((each) => each.split(':')[0])).toEqual([
    'SIVO_OIDC_ISSUER',
    'SIVO_OIDC_SCOPES',
    'SIVO_OIDC_ROLES',
    'SIVO_OIDC_TENANT',
    'SIVO_OIDC_LABEL',
  ])
  expect(problems.join()).not.toContain('hush')
})

describe('the settings of notices', () => {
  const MAIL = {
    SIVO_PUBLIC_URL: 'https://hooks.example.com',
    SIVO_SMTP_URL: 'smtps://user:p%40ss@mail.example.com',
    SIVO_SMTP_FROM: 'SIVO <hooks@example.com>',
  }

  test('notices of operators go to the addresses of the settings', () => {
    const slack = 'https://hooks.slack.com/services/T0/B0/token'
    const config = readConfig({
      ...MAIL,
      SIVO_NOTICES_EMAIL: 'ops@example.com, night@example.com',
      SIVO_NOTICES_SLACK_URL: slack,
      SIVO_NOTICES_SCOPE: 'gateway',
      SIVO_NOTICES_EVERY: '5m',
    })
    expect(config.smtp).toEqual({
      server: { host: 'mail.example.com', port: 465, isSecure: true, login: { user: 'user', password: 'p@ss' } },
      from: { name: 'SIVO', address: 'hooks@example.com' },
    })
    expect(config.operatorNotices).toEqual({
      emails: ['ops@example.com', 'night@example.com'],
      slackUrl: slack,
      teamsUrl: null,
      scope: 'gateway',
    })
    expect(config.noticesEveryMs).toBe(300_000)
  })

  test.each<[string, Record<string, string>, RegExp]>([
    [
      'a URL of another protocol',
      { ...MAIL, SIVO_SMTP_URL: 'http://secret@mail' },
      /^SIVO_SMTP_URL: expected smtp:\/\/host:port/,
    ],
    [
      'a port that is none',
      { ...MAIL, SIVO_SMTP_URL: 'smtp://mail.example.com:99999' },
      /^SIVO_SMTP_URL: expected smtp:/,
    ],
    ['a sender without an address', { ...MAIL, SIVO_SMTP_FROM: 'SIVO' }, /^SIVO_SMTP_FROM: expected an e-mail address/],
    [
      'a server without a sender',
      { ...MAIL, SIVO_SMTP_FROM: '' },
      /^SIVO_SMTP_FROM: expected a value, because SIVO_SMTP_URL/,
    ],
    [
      'a wrong address',
      { ...MAIL, SIVO_NOTICES_EMAIL: 'ops@example' },
      /^SIVO_NOTICES_EMAIL: expected e-mail addresses/,
    ],
    [
      'addresses without a server',
      { SIVO_PUBLIC_URL: 'https://hooks.example.com', SIVO_NOTICES_EMAIL: 'ops@example.com' },
      /^SIVO_NOTICES_EMAIL: expected SIVO_SMTP_URL beside it/,
    ],
    [
      'a webhook without TLS',
      { ...MAIL, SIVO_NOTICES_SLACK_URL: 'http://hooks.slack.com/x' },
      /^SIVO_NOTICES_SLACK_URL: expected an https URL/,
    ],
    [
      'a webhook at a private address',
      { ...MAIL, SIVO_NOTICES_TEAMS_URL: 'https://10.0.0.1/x' },
      /^SIVO_NOTICES_TEAMS_URL: expected a host name/,
    ],
    [
      'notices without a console',
      { ...MAIL, SIVO_PUBLIC_URL: '' },
      /^SIVO_PUBLIC_URL: expected the URL of the console/,
    ],
    ['an unknown scope', { SIVO_NOTICES_SCOPE: 'all' }, /^SIVO_NOTICES_SCOPE: expected everything or gateway/],
    ['a time that is none', { SIVO_NOTICES_EVERY: 'often' }, /^SIVO_NOTICES_EVERY: expected a duration/],
  ])('%s is refused in one sentence that holds no secret', (_, env, problem) => {
    const problems = problemsOf(env)
    expect(problems).toEqual([expect.stringMatching(problem)])
    expect(problems[0]).toMatch(/\.$/)
    expect(problems.join()).not.toMatch(/secret@|p%40ss/)
  })
})
