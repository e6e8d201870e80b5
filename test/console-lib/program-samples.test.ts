import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { samplesFor } from '../../console/src/lib/api-samples.ts'
import { asJavaScript, asPython, type Operation } from '../../console/src/lib/program-samples.ts'
import { toPublicId } from '../../src/domain/values/id.ts'
import { createApiKey } from '../../src/gateway/admin/api-keys.ts'
import { schema } from '../../src/schema/index.ts'
import { type Server, startServer } from '../../src/server/http.ts'
import { type House, openHouse } from '../support/house.ts'
import { operatorNamed } from '../support/viewers.ts'

const OPERATOR = operatorNamed('test')

let house: House
let server: Server
let folder: string
let url: string
let tenant: string
beforeAll(async () => {
  house = await openHouse()
  const { ctx, feed } = house.app
  server = await startServer({ ctx: { ...ctx, config: { ...ctx.config, port: 0 } }, feed, schema })
  url = `http://127.0.0.1:${server.port}/graphql`
  tenant = toPublicId('tenant', house.tenantId)
  folder = await mkdtemp(join(tmpdir(), 'sivo-samples-'))
  key = (await createApiKey(ctx, OPERATOR, { tenantId: null, name: 'Samples', role: 'OPERATOR', expiresAt: null }))
    .secret
  await house.addEndpoint((await house.receiver()).url('/'))
})
afterAll(async () => {
  await server?.close(0)
  await house?.close()
  await rm(folder, { recursive: true, force: true })
})

let key: string
const LANGUAGES = [
  { language: 'JavaScript', write: asJavaScript, file: 'sample.mjs', command: process.execPath },
  { language: 'Python', write: asPython, file: 'sample.py', command: 'python3' },
]
type Language = (typeof LANGUAGES)[number]

/** The sample that begins with these words, as the API page offers it to an operator. */
function operationOf(name: string): Operation {
  const sample = samplesFor(true).find((each) => each.name.startsWith(name))!
  const isSubscription = sample.document.startsWith('subscription')
  return { url, document: sample.document, variables: { ...sample.variables(tenant) }, isSubscription }
}

async function save({ write, file }: Language, operation: Operation): Promise<string> {
  const path = join(folder, file)
  await writeFile(path, write(operation))
  return path
}

const environment = (secret: string) => ({ env: { ...process.env, SIVO_KEY: secret } })
const run = async (language: Language, operation: Operation, secret = key) =>
  promisify(execFile)(language.command, [await save(language, operation)], environment(secret))

/** Resolves with what a program has printed once it has all of these words. */
function untilPrinted(program: ChildProcess, words: () => readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    let printed = ''
    const timer = setTimeout(() => reject(new Error(`Expected ${words()} within 20 s, got: ${printed}`)), 20_000)
    program.stderr!.on('data', (data) => {
      printed += data
    })
    program.stdout!.on('data', (data) => {
      printed += data
      if (!words().every((word) => printed.includes(word))) return
      clearTimeout(timer)
      resolve(printed)
    })
  })
}

describe.each(LANGUAGES)('the sample in $language', (language) => {
  test('publishes an event, and queries its delivery', async () => {
    const published = JSON.parse((await run(language, operationOf('Publish an event'))).stdout)
    const [event] = published.publishEvents.events
    expect(event).toMatchObject({ id: expect.stringMatching(/^evt_/), duplicate: false, deliveryCount: 1 })
    const queried = JSON.parse((await run(language, operationOf('The newest deliveries'))).stdout)
    expect(queried.deliveries.nodes[0].event).toMatchObject({ id: event.id, type: 'agent.paused' })
  })

  test('subscribes, prints what comes, and goes on where it was after the connection breaks', async () => {
    const program = spawn(language.command, [await save(language, operationOf('Watch deliveries'))], environment(key))
    try {
      await untilPrinted(program, () => ['deliveryUpdates'])
      await house.publish({ type: 'agent.paused', subject: 'first' })
      await untilPrinted(program, () => ['agent.paused', 'SUCCEEDED'])
      const { port } = server
      await server.close(0)
      await house.publish({ type: 'call.ended', subject: 'while it was away' })
      const { ctx, feed } = house.app
      server = await startServer({ ctx: { ...ctx, config: { ...ctx.config, port } }, feed, schema })
      await untilPrinted(program, () => ['call.ended'])
    } finally {
      program.kill('SIGKILL')
      await once(program, 'exit')
    }
  })

  test('says why it was refused, and ends with a failure', async () => {
    for (const name of ['The newest deliveries', 'Watch deliveries'])
      await expect(run(language, operationOf(name), 'no-such-key')).rejects.toMatchObject({ code: 1 })
  })

  test('sends a document and variables with every character as they were written', async () => {
    const odd = ['${', "''' \\ \" ` 1} é 𝄞'", language.language].join('')
    await house.publish({ type: 'agent.paused', subject: odd })
    const comment = ['`tick` $', '{x} \'\'\' """ \\ é 𝄞'].join('')
    const document = `query Odd($filter: EventFilter) { # ${comment}\n  eventCount(filter: $filter) { count }\n}`
    const variables = { filter: { tenantId: tenant, subject: odd } }
    const { stdout } = await run(language, { url, document, variables, isSubscription: false })
    expect(JSON.parse(stdout)).toEqual({ eventCount: { count: 1 } })
  })
})
