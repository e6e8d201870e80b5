import { createHmac } from 'node:crypto'
import { readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { runCommandLine } from '../../packages/cli/src/command-line.ts'
import { EXIT } from '../../packages/cli/src/failure.ts'
import { progressBar } from '../../packages/cli/src/output.ts'
import { toPublicId } from '../../src/domain/values/id.ts'
import { createConsoleLink } from '../../src/gateway/admin/console-link.ts'
import { exampleEvent } from '../support/house.ts'
import { operatorNamed } from '../support/viewers.ts'
import { type GatewayUnderTest, openGateway } from './gateway.ts'

let under: GatewayUnderTest
const json = (text: string) => JSON.parse(text)

beforeAll(async () => {
  under = await openGateway()
})
afterAll(() => under?.close())

test('login checks the key, and stores it where only its owner reads it', async () => {
  const wrong = await under.run(['login'], { input: 'sivo_wrong\n', env: { SIVO_KEY: undefined as never } })
  expect(wrong).toMatchObject({ code: EXIT.notAllowed, stdout: '' })
  const right = await under.call(['login', '--tenant', under.tenantId], {
    input: 'test-operator-key-000000000000\n',
    env: { SIVO_KEY: undefined as never },
  })
  expect(right).toMatchObject({ code: 0 })
  expect((await stat(join(under.folder, 'sivo/config.json'))).mode & 0o777).toBe(0o600)
  const listed = await under.call(['endpoints', 'list', '--json'], {
    env: { SIVO_KEY: undefined as never, SIVO_URL: undefined as never, SIVO_TENANT: undefined as never },
  })
  expect(listed).toMatchObject({ code: 0, stdout: '[]\n' })
})

test('login takes a console link, which signs in once, and keeps it as a profile with a name', async () => {
  const operator = operatorNamed('test')
  const { url: link } = await createConsoleLink({ ...under.house.app.ctx, baseUrl: under.url }, operator, {
    tenantId: under.house.tenantId,
    role: 'VIEWER',
    expiresInSeconds: null,
  })
  const env = { SIVO_KEY: undefined as never, SIVO_URL: undefined as never, SIVO_TENANT: undefined as never }
  const login = ['login', '--link', link, '--name', 'visitor']
  expect(await under.call(login, { env })).toMatchObject({ code: 0, stdout: expect.stringContaining('VIEWER') })
  expect((await under.call(login, { env })).code).toBe(EXIT.notAllowed)
  const listed = await under.call(['endpoints', 'list', '--json', '--profile', 'visitor'], { env })
  expect(listed).toMatchObject({ code: 0, stdout: '[]\n' })
})

test('the help of every command has an example, and the completion knows the commands', async () => {
  let said = ''
  vi.spyOn(console, 'log').mockImplementation((text) => {
    said += `${text}\n`
  })
  const printed = async (...args: string[]) => {
    said = ''
    expect(await runCommandLine(args)).toBe(EXIT.ok)
    return said
  }
  const namesOf = (help: string) => [...help.matchAll(/^ {2}sivo (.*?)(?: {2,}|$)/gm)].map(([, text]) => text!)
  try {
    const commands = namesOf((await printed('--help')).split('Options:')[0]!).filter((text) => text !== 'completion')
    const leaves: string[] = []
    for (const text of commands)
      if (text.endsWith('<command>'))
        leaves.push(...namesOf((await printed(text.split(' ')[0]!, '--help')).split('Options:')[0]!))
      else leaves.push(text)
    expect(leaves.length).toBeGreaterThan(20)
    for (const leaf of leaves) {
      const words = leaf.split(' ').filter((word) => /^[a-z-]+$/.test(word))
      expect(await printed(...words, '--help'), leaf).toContain('\nExamples:\n')
    }
    expect(await printed('--get-yargs-completions', 'sivo', 'endpoints', '')).toContain('rotate')
  } finally {
    vi.restoreAllMocks()
  }
})

test.each([
  ['', 'Expected a command after "sivo" (login, ', 'sivo --help'],
  [
    'endpoints',
    'Expected a command after "sivo endpoints" (list, create, update, test, rotate, pause, resume, replay, apply), got none.',
  ],
  ['endpoints lst', 'There is no such command after "sivo endpoints". Did you mean list?', 'sivo endpoints --help'],
  [
    'endpoints xyz',
    '(list, create, update, test, rotate, pause, resume, replay, apply), got "xyz".',
    'sivo endpoints --help',
  ],
  ['endpoints apply', 'Expected --file, got none.', 'sivo endpoints apply --help'],
  ['endpoints list more', 'Unknown argument: more.', 'sivo endpoints list --help'],
  ['explain evt_1', 'Expected <event> <endpoint> after "sivo explain", got "evt_1" alone.', 'sivo explain --help'],
  ['ingest nats', 'Expected --stream and --parking, got none.', 'sivo ingest nats --help'],
  ['events publish --file', 'Expected a value after --file, got none.', 'sivo events publish --help'],
  ['events publish --on-invalid no', 'Expected "refuse" or "skip" in --on-invalid, got "no".'],
  ['deliveries list --status lost', 'Expected one of pending, held, ', 'got "lost".'],
  ['deliveries list --code many', 'Expected a number in --code, got another text.'],
  [
    'listen --forward-to ftp://127.0.0.1',
    'Expected a URL such as http://localhost:3000/webhooks, got "ftp://127.0.0.1".',
  ],
  ['deliveries tail --type call.endd', 'in --type (call.created, ', 'got "call.endd".'],
  ['listen --forward-to 127.0.0.1 --type call.endd', 'in --type (call.created, ', 'got "call.endd".'],
  ['outbox --from shop', 'Expected the URL of a database in --from'],
])(
  'the wrong command line "sivo %s" is answered with what was expected, and the help to read',
  async (line, ...said) => {
    const { code, stdout, stderr } = await under.call(line.split(' ').filter(Boolean))
    expect({ code, stdout }).toEqual({ code: EXIT.usage, stdout: '' })
    for (const text of said) expect(stderr).toContain(text)
  },
)

test('endpoints apply makes what the file says, changes nothing twice, and prunes only when asked', async () => {
  const file = join(under.folder, 'endpoints.yaml')
  const apply = (...args: string[]) =>
    under.run(['endpoints', 'apply', '-f', file, '--json', ...args], { env: { TEAM: 'crm' } })
  await writeFile(
    file,
    `endpoints:
  - { name: CRM, url: 'https://127.0.0.1:8443/crm', eventTypes: [call.ended], headers: { X-Team: '\${TEAM}' } }
  - { name: BI, url: 'https://127.0.0.1:8443/bi' }
`,
  )
  expect(json((await apply('--dry-run')).stdout)).toMatchObject({
    applied: false,
    steps: [{ kind: 'create' }, { kind: 'create' }],
  })
  const first = json((await apply('--yes')).stdout)
  expect(first.steps).toMatchObject([{ name: 'CRM' }, { name: 'BI' }])
  expect(first.steps[0].signingSecret).toMatch(/^whsec_/)
  const again = json((await apply('--yes')).stdout)
  expect(again).toMatchObject({ applied: false, steps: [{ kind: 'keep' }, { kind: 'keep' }] })

  await writeFile(file, `endpoints:\n  - { name: CRM, url: 'https://127.0.0.1:8443/crm2', maxInFlight: 5 }\n`)
  const changed = json((await apply('--yes')).stdout)
  expect(changed.steps).toMatchObject([{ kind: 'update', name: 'CRM' }])
  expect(changed.steps[0].changes.map((change: string) => change.split(':')[0])).toEqual([
    'url',
    'eventTypes',
    'maxInFlight',
    'headers',
  ])
  expect(json((await under.call(['endpoints', 'list', '--json'])).stdout)).toHaveLength(2)
  await apply('--yes', '--prune')
  expect(json((await under.call(['endpoints', 'list', '--json'])).stdout)).toMatchObject([
    { name: 'CRM', maxInFlight: 5 },
  ])
})

test('endpoints apply finds an endpoint by its external id, renames it, and takes over one of the same name', async () => {
  const file = join(under.folder, 'identified.yaml')
  const apply = async (text: string) => {
    await writeFile(file, text)
    return json((await under.call(['endpoints', 'apply', '-f', file, '--json', '--yes'])).stdout)
  }
  const url = 'https://127.0.0.1:8443/shop'
  const byName = await apply(`endpoints:\n  - { name: Shop, url: '${url}' }\n`)
  const [{ id }] = byName.steps
  const taken = await apply(
    `endpoints:\n  - { externalId: shop-1, name: Shop, url: '${url}', metadata: { team: shop } }\n`,
  )
  expect(taken.steps).toMatchObject([
    { kind: 'update', id, changes: ['externalId: none → shop-1', 'metadata: none → team=shop'] },
  ])
  const renamed = await apply(`endpoints:\n  - { externalId: shop-1, name: Market, url: '${url}' }\n`)
  expect(renamed.steps).toMatchObject([{ kind: 'update', id, changes: ['name: Shop → Market'] }])
  const other = await apply(`endpoints:\n  - { externalId: shop-2, name: Market, url: '${url}' }\n`)
  expect(other.steps).toMatchObject([
    { kind: 'create', name: 'Market', signingSecret: expect.stringMatching(/^whsec_/) },
  ])
  expect(other.steps[0].id).not.toBe(id)
  const listed = json((await under.call(['endpoints', 'list', '--json'])).stdout)
  expect(listed.find((endpoint: { id: string }) => endpoint.id === id)).toMatchObject({
    externalId: 'shop-1',
    name: 'Market',
    metadata: { team: 'shop' },
  })
})

test('endpoints apply sets a condition, keeps it for a file without one, and removes it for null', async () => {
  const file = join(under.folder, 'conditions.yaml')
  const apply = async (condition: string) => {
    await writeFile(file, `endpoints:\n  - { name: Inbound, url: 'https://127.0.0.1:8443/in'${condition} }\n`)
    return under.call(['endpoints', 'apply', '-f', file, '--json', '--yes'])
  }
  const stored = async () => {
    const endpoints = json((await under.call(['endpoints', 'list', '--json'])).stdout)
    return endpoints.find(({ name }: { name: string }) => name === 'Inbound')?.condition
  }
  const inbound = '$.data.direction == "inbound"'
  expect(json((await apply(`, condition: '${inbound}'`)).stdout).steps).toMatchObject([{ kind: 'create' }])
  expect(await stored()).toBe(inbound)
  const wrong = await apply(`, condition: '$.data.direction = "inbound"'`)
  expect(wrong).toMatchObject({ code: EXIT.refused, stdout: '' })
  expect(wrong.stderr).toContain('compare with ==')
  expect(json((await apply('')).stdout).steps).toContainEqual(
    expect.objectContaining({ kind: 'keep', name: 'Inbound' }),
  )
  expect(await stored()).toBe(inbound)
  expect(json((await apply(', condition: null')).stdout).steps).toMatchObject([
    { kind: 'update', changes: [`condition: ${inbound} → none`] },
  ])
  expect(await stored()).toBeNull()
})

test('endpoints apply sets the ordering, keeps it for a file without one, and says which there are', async () => {
  const file = join(under.folder, 'ordering.yaml')
  const apply = async (ordering: string) => {
    await writeFile(file, `endpoints:\n  - { name: Ordered, url: 'https://127.0.0.1:8443/ordered'${ordering} }\n`)
    return under.call(['endpoints', 'apply', '-f', file, '--json', '--yes'])
  }
  const stepsOf = async (ordering: string) => json((await apply(ordering)).stdout).steps
  expect(await stepsOf(', ordering: SUBJECT')).toMatchObject([{ kind: 'create' }])
  expect(await stepsOf('')).toContainEqual(expect.objectContaining({ kind: 'keep', name: 'Ordered' }))
  expect(await stepsOf(', ordering: NONE')).toMatchObject([{ kind: 'update', changes: ['ordering: SUBJECT → NONE'] }])
  const wrong = await apply(', ordering: subject')
  expect(wrong).toMatchObject({ code: EXIT.usage, stdout: '' })
  expect(wrong.stderr).toContain('endpoints[0].ordering: expected NONE or SUBJECT, got')
})

test('endpoints apply refuses a file it does not understand, with the place', async () => {
  const file = join(under.folder, 'wrong.yaml')
  await writeFile(file, 'endpoints:\n  - { name: CRM, url: https://crm.example.com/, eventTypes: 5 }\n')
  const { code, stderr } = await under.call(['endpoints', 'apply', '-f', file, '--yes'])
  expect(code).toBe(EXIT.usage)
  expect(stderr).toContain('endpoints[0].eventTypes: expected "all" or a list of event types, got 5.')
})

test.each(['headers', 'metadata'])(
  'endpoints apply refuses a phone number among %s that YAML would read without its plus',
  async (member) => {
    const file = join(under.folder, `${member}.yaml`)
    const entry = `{ name: Line, url: https://crm.example.com/, ${member}: { X-Line: +4930123456 } }`
    await writeFile(file, `endpoints:\n  - ${entry}\n`)
    const { code, stderr } = await under.call(['endpoints', 'apply', '-f', file, '--yes'])
    expect(code).toBe(EXIT.usage)
    expect(stderr).toContain(`endpoints[0].${member}.X-Line: expected a text, got 4930123456. Put it in quotes.`)
  },
)

test('trigger sends a test, shows the answer, and fails when the receiver refuses', async () => {
  const receiver = await under.house.receiver()
  const { id } = await under.house.addEndpoint(receiver.url('/hooks'))
  const endpoint = toPublicId('endpoint', id)
  const good = await under.run(['trigger', 'call.ended', '--endpoint', endpoint])
  expect(good).toMatchObject({ code: 0 })
  expect(good.stdout).toMatch(/^call\.ended +evt_\w+ {2}SUCCEEDED {2}HTTP 200 in \d+ ms\n$/)
  receiver.answer({ status: 401, body: 'no\n\u001b[31m such signature.' })
  const bad = await under.call(['endpoints', 'test', endpoint])
  expect(bad.code).toBe(EXIT.refused)
  expect(bad.stderr).toMatch(/did not accept the test: HTTP 401 in \d+ ms: no \[31m such signature\.\n/)
  receiver.answer({ status: 200 })
  const { data } = exampleEvent({ type: 'call.ended' })
  const own = await under.call([
    'trigger',
    'call.ended',
    '--endpoint',
    endpoint,
    '--data',
    JSON.stringify(data),
    '--json',
  ])
  const shown = await under.call(['deliveries', 'show', json(own.stdout).deliveryId, '--json'])
  expect(JSON.parse(json(shown.stdout).event.body).data).toEqual(data)
})

test('events publish sends a file in batches, and run again it stores nothing twice', async () => {
  const file = join(under.folder, 'events.ndjson')
  const event = JSON.stringify(exampleEvent())
  await writeFile(file, `${event}\n`.repeat(1_201))
  const first = await under.run(['events', 'publish', '--file', file, '--json'])
  expect(json(first.stdout)).toEqual({ published: 1_201, duplicates: 0, skipped: 0, lines: 1_201 })
  const second = await under.call(['events', 'publish', '--file', '-', '--json'], {
    input: await readFile(file, 'utf8'),
  })
  expect(json(second.stdout)).toEqual({ published: 0, duplicates: 1_201, skipped: 0, lines: 1_201 })
})

test.each([
  { share: 0, bar: '[░░░░░░░░░░░░░░░░░░░░░░░░]   0 %' },
  { share: 0.5, bar: '[████████████░░░░░░░░░░░░]  50 %' },
  { share: 0.999, bar: '[████████████████████████]  99 %' },
  { share: 1, bar: '[████████████████████████] 100 %' },
])('the bar of events publish shows how much of the file is read: $share', ({ share, bar }) => {
  expect(progressBar(share)).toBe(bar)
})

test('trigger --story call sends every event of one call, in the order of their times', async () => {
  const receiver = await under.house.receiver()
  const { id } = await under.house.addEndpoint(receiver.url('/story'))
  const told = await under.call([
    ...['trigger', '--story', 'call', '--endpoint', toPublicId('endpoint', id), '--speed', '1000000'],
  ])
  expect(told).toMatchObject({ code: 0 })
  const types = receiver.requests.map(({ headers }) => headers['x-sivo-event-type'])
  expect(types.length).toBeGreaterThan(4)
  expect(types[0]).toBe('call.created')
  expect(types.indexOf('call.ended')).toBeGreaterThan(types.indexOf('call.answered'))
  expect(
    told.stdout
      .trim()
      .split('\n')
      .map((line) => line.split(' ')[0]),
  ).toEqual(types)
})

test('events publish names the line that is wrong, and says that the lines before are stored', async () => {
  const event = JSON.stringify(exampleEvent({ subject: 'half' }))
  const half = await under.call(['events', 'publish', '--file', '-'], { input: `${event}\n${event.slice(0, 40)}` })
  expect(half.code).toBe(EXIT.usage)
  expect(half.stderr).toContain('-, line 2: expected one event as JSON')
  const invalid = await under.call(['events', 'publish', '--file', '-'], {
    input: `${event}\n{"type":"no.such","data":{}}\n`,
  })
  expect(invalid.code).toBe(EXIT.refused)
  expect(invalid.stderr).toContain('-, line 2: type: expected')
  const skipped = await under.call(['events', 'publish', '--file', '-', '--on-invalid', 'skip', '--json'], {
    input: `${event}\n{"type":"no.such","data":{}}\n`,
  })
  expect(json(skipped.stdout)).toMatchObject({ published: 0, duplicates: 1, skipped: 1 })
})

test('a tenant or a key that is missing, and https where there is none, are answered with what to write', async () => {
  // A variable that is set and empty, as after `export SIVO_KEY=$(cat key.txt)` without that file, is none.
  for (const none of [undefined as never, '']) {
    const nobodys = await under.call(['endpoints', 'list'], { env: { SIVO_TENANT: none } })
    expect(nobodys.stderr).toContain('got none. Pass --tenant ten_…, or set SIVO_TENANT.')
    const keyless = await under.call(['endpoints', 'list'], {
      env: { SIVO_KEY: none, XDG_CONFIG_HOME: join(under.folder, 'nobody') },
    })
    expect(keyless).toMatchObject({ code: EXIT.notAllowed, stderr: expect.stringContaining('set SIVO_KEY') })
  }
  const url = under.url.replace('http:', 'https:')
  const sealed = await under.call(['endpoints', 'list'], { env: { SIVO_URL: url } })
  expect(sealed).toMatchObject({ code: EXIT.unavailable, stderr: expect.stringContaining('try http://') })
})

test('a gateway that is away ends a command with its own code and the address', async () => {
  const { code, stderr } = await under.run(['deliveries', 'list'], { env: { SIVO_URL: 'http://127.0.0.1:9999' } })
  expect(code).toBe(EXIT.unavailable)
  expect(stderr).toContain('http://127.0.0.1:9999 cannot be reached')
})

test('dead letters are listed, exported whole, and retried with their outcome', { timeout: 60_000 }, async () => {
  const receiver = await under.house.receiver()
  receiver.answer({ status: 500 })
  const { id } = await under.house.addEndpoint(receiver.url('/dead'))
  await under.house.publish({})
  const { db } = under.house.app.ctx
  await under.house.until(async () => (await db.delivery.count({ where: { endpointId: id, attemptCount: 1 } })) === 1)
  await db.delivery.updateMany({ where: { endpointId: id }, data: { maxAttempts: 2, nextAttemptAt: new Date() } })
  await under.house.until(
    async () => (await db.delivery.count({ where: { endpointId: id, status: 'DEAD_LETTERED' } })) === 1,
    20_000,
  )
  const endpoint = toPublicId('endpoint', id)
  const listed = json((await under.call(['dead-letters', 'list', '--endpoint', endpoint, '--json'])).stdout)
  expect(listed).toHaveLength(1)
  const out = join(under.folder, 'dead.json')
  await under.run(['dead-letters', 'export', '--endpoint', endpoint, '--out', out])
  expect(json(await readFile(out, 'utf8'))).toMatchObject([{ deliveryId: listed[0].id, endpointId: endpoint }])
  receiver.answer({ status: 200 })
  const retried = await under.call(['dead-letters', 'retry', '--endpoint', endpoint, '--json'])
  expect(retried.code).toBe(0)
  expect(json(retried.stdout)).toMatchObject({ status: 'COMPLETED', total: 1, succeeded: 1, deadLettered: 0 })
})

test('verify says whether a signature is right, and why it is not', async () => {
  const body = join(under.folder, 'body.json')
  const secret = 'whsec_c2VjcmV0'
  const sign = (text: string) => `sha256=${createHmac('sha256', secret).update(text).digest('hex')}`
  await writeFile(body, '{ "a": 1 }')
  const verify = (signature: string) =>
    under.call(['verify', '--body', body, '--secret', secret, '--signature', signature])
  expect(await verify(sign('{ "a": 1 }'))).toMatchObject({ code: 0, stdout: 'The signature is right.\n' })
  expect((await verify(sign('{"a":1}'))).stderr).toContain('parsed and written again')
  expect((await verify(sign('other'))).stderr).toContain('another secret')
})

test('explain says why an event was not sent to an endpoint, or how its delivery stands', async () => {
  const { house } = under
  const tenantId = await house.addTenant('Explained')
  const condition = '$.data.absent == 1'
  const [paused, filtered] = await Promise.all([
    house.addEndpoint('https://127.0.0.1:9/', { tenantId, status: 'PAUSED' }),
    house.addEndpoint('https://127.0.0.1:9/', { tenantId, condition }),
  ])
  const [event] = await house.publishFor(tenantId, {})
  const eventId = toPublicId('event', event!.id)
  const explain = (endpointId: string, ...args: string[]) =>
    under.call(['explain', eventId, toPublicId('endpoint', endpointId), ...args])
  const held = await explain(paused.id)
  expect(held).toMatchObject({ code: 0 })
  expect(held.stdout).toMatch(
    /^The endpoint was paused\. .*\nReason: endpoint_paused\nDelivery: dlv_\w+ {2}HELD {2}attempt 0 of 7\n$/,
  )
  expect(json((await explain(filtered.id, '--json')).stdout)).toMatchObject({
    reason: 'condition_not_met',
    delivery: null,
    evaluated: [{ path: '$.data.absent', values: [] }],
  })
  const unknown = await under.call(['explain', eventId, 'ep_nonsense'])
  expect(unknown).toMatchObject({ code: EXIT.refused, stdout: '' })
  expect(unknown.stderr).toContain('sivo endpoints list')
})

test('an endpoint is created, changed, tested, rotated, paused, resumed and listed', { timeout: 60_000 }, async () => {
  const receiver = await under.house.receiver()
  const tenant = ['--tenant', toPublicId('tenant', await under.house.addTenant('Endpoints'))]
  const run = async (...args: string[]) => {
    const { code, stdout, stderr } = await under.call(['endpoints', ...args, '--json', ...tenant])
    expect(code, stderr).toBe(0)
    return json(stdout)
  }
  const made = await run('create', '--name', 'CRM', '--to', receiver.url('/crm'), '--type', 'call.ended')
  expect(made.signingSecret).toMatch(/^whsec_/)
  const { id } = made.endpoint
  const changed = await run('update', id, '--name', 'CRM 2', '--rate-limit', '5')
  expect(changed).toMatchObject({ id, name: 'CRM 2', rateLimitPerSecond: 5, eventTypes: ['call.ended'] })
  await run('test', id)
  expect(receiver.requests.at(-1)!.headers['x-sivo-event-type']).toBe('call.ended')
  const rotated = await run('rotate', id, '--overlap-hours', '1')
  expect(rotated.signingSecret).not.toBe(made.signingSecret)
  const atOnce = await under.call(['endpoints', 'rotate', id, '--overlap-hours', '0', ...tenant])
  expect(atOnce.stdout).toContain('X-Sivo-Signature uses it from now on.')
  expect(await run('list')).toMatchObject([{ id, name: 'CRM 2' }])
  expect(await run('pause', id)).toMatchObject({ id, status: 'PAUSED' })
  expect(await run('resume', id, '--since', '2h')).toMatchObject({ id, status: 'ACTIVE' })
  const both = await under.call(['endpoints', 'resume', id, '--since', '2h', '--held', 'cancel', ...tenant])
  expect(both).toMatchObject({ code: EXIT.usage, stderr: expect.stringContaining('got both') })
  const unknown = await under.call(['endpoints', 'stop', id, ...tenant])
  expect(unknown).toMatchObject({
    code: EXIT.usage,
    stderr: expect.stringMatching(/^Expected a command after "sivo endpoints" \(list, .*pause.*\), got "stop"\./),
  })
  const nothing = await under.call(['endpoints', 'update', id, ...tenant])
  expect(nothing).toMatchObject({ code: EXIT.usage, stderr: expect.stringContaining('at least one setting') })
  const refused = await under.call(['endpoints', 'update', id, '--to', 'http://example.com/', ...tenant])
  expect(refused.stderr).toMatch(/^input\.url: expected a URL that starts with https:.*\n$/)
})

test('deliveries are followed, listed, shown, retried and replayed, and what an endpoint missed is told', async () => {
  const { house } = under
  const tenantId = await house.addTenant('Deliveries')
  const tenant = ['--tenant', toPublicId('tenant', tenantId)]
  const receiver = await house.receiver({ answer: 503 })
  const endpoint = await house.addEndpoint(receiver.url('/'), { tenantId })
  const tail = under.start(['deliveries', 'tail', ...tenant])
  await house.until(async () => tail.stderr().includes('Connected to'))
  const [event] = await house.publishFor(tenantId, {})
  await house.until(async () => tail.stdout().includes('HTTP 503'))
  expect((await tail.stop()).code).toBe(0)
  const elsewhere = await under.call(['deliveries', 'tail', '--endpoint', 'ep_nonsense', ...tenant])
  expect(elsewhere.code).toBe(EXIT.refused)
  expect(elsewhere.stderr).not.toContain('Trying again')

  const missed = await under.call(['events', 'missed', toPublicId('endpoint', endpoint.id), '--json', ...tenant])
  expect(json(missed.stdout)).toMatchObject({ id: toPublicId('event', event!.id) })
  const [listed] = json((await under.call(['deliveries', 'list', '--code', '503', '--json', ...tenant])).stdout)
  expect(listed).toMatchObject({ attemptCount: 1, lastStatusCode: 503 })
  receiver.answer(204)
  const retried = await under.call(['deliveries', 'retry', listed.id, '--json'])
  expect(json(retried.stdout)).toMatchObject({ status: 'SUCCEEDED', attemptCount: 2 })
  const shown = json((await under.call(['deliveries', 'show', listed.id, '--json'])).stdout)
  expect(shown.attempts.map(({ statusCode }: { statusCode: number }) => statusCode)).toEqual([503, 204])
  const waiting = await under.call(['deliveries', 'retry', listed.id, '--resend', '--wait', '0'])
  expect(waiting.stderr).toMatch(/^No attempt was made within 0 s\..* sivo explain evt_\w+ ep_\w+\n$/)
  const again = await under.call(['endpoints', 'replay', listed.endpoint.id, '--since', '1h', '--json', ...tenant])
  expect(json(again.stdout)).toMatchObject({ status: 'COMPLETED', total: 1, succeeded: 1, deadLettered: 0 })
  const replay = ['endpoints', 'replay', listed.endpoint.id, '--since', '1h', '--missed-only', ...tenant]
  expect((await under.call(replay)).stderr).toContain('There is nothing that can be replayed.')
  const none = await under.call(['events', 'missed', toPublicId('endpoint', endpoint.id), ...tenant])
  expect(none).toMatchObject({ code: 0, stdout: 'Nothing is missing.\n' })
  const unknown = await under.call(['deliveries', 'show', 'dlv_nonsense'])
  expect(unknown).toMatchObject({ code: EXIT.refused, stderr: expect.stringContaining('sivo deliveries list') })
})
