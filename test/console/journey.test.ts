import { afterAll, beforeAll, expect, test } from 'vitest'
import { createApiKey } from '../../src/gateway/admin/api-keys.ts'
import { type Console, contentOf, describeInBrowser, follow, openConsole, settled } from '../support/console.ts'
import { exampleEvent } from '../support/house.ts'

const SECRET = /whsec_[A-Za-z0-9+/=]{20,}/

describeInBrowser('a new tenant finds the way', () => {
  let console: Console
  beforeAll(async () => {
    console = await openConsole({ SIVO_RETRY_SCHEDULE: '2s' })
  })
  afterAll(() => console?.close())

  test('a person gets from the printed link to an endpoint, a test, a failure, a dead letter and its delivery', async () => {
    const { house, tenantId, operator } = console
    const receiver = await house.receiver({ answer: { status: 200, body: 'thanks' } })
    const { secret: key } = await createApiKey(house.app.ctx, operator, {
      tenantId: null,
      name: 'Publisher',
      role: 'PUBLISHER',
      expiresAt: null,
    })
    const publish = async (type: string) => {
      const { data } = (await (
        await fetch(`${console.url}/graphql`, {
          method: 'POST',
          headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
          body: JSON.stringify({
            query: `mutation P($input: PublishEventsInput!) {
              publishEvents(input: $input) { ... on PublishEventsSuccess { events { id deliveryCount } } ... on Error { message } } }`,
            variables: { input: { tenantId, events: [{ type, data: exampleEvent({ type }).data }] } },
          }),
        })
      ).json()) as { data: { publishEvents: { events: { id: string; deliveryCount: number }[] } } }
      return data.publishEvents.events[0]!
    }

    const { page, complaints } = await console.guest()
    await page.goto(await console.link())
    await settled(page)
    expect(page.url()).not.toContain('token')

    // An endpoint, with its secret shown once.
    await follow(page, 'Endpoints')
    await page
      .getByRole('link', { name: /new endpoint/i })
      .first()
      .click()
    await page.getByRole('textbox', { name: 'Name' }).fill('CRM')
    await page.getByRole('textbox', { name: 'URL' }).fill(receiver.url('/hooks').replace('127.0.0.1', 'localhost'))
    await page.getByRole('button', { name: 'Create endpoint' }).click()
    const secret = page.getByText(SECRET).first()
    await secret.waitFor()
    const text = (await secret.textContent())!.match(SECRET)![0]

    // A test, with its steps.
    await page.getByRole('button', { name: 'Send test' }).click()
    const steps = page.getByRole('list', { name: 'Steps of the attempt' })
    for (const step of ['Host name resolved', 'Connected', 'TLS agreed', 'Request sent', 'First byte', 'Done'])
      await steps.getByRole('listitem').filter({ hasText: step }).filter({ hasText: / ms$/ }).waitFor()
    await page.getByText('Taken with HTTP 200').waitFor()
    expect(receiver.requestCount).toBe(1)

    await page.getByRole('link', { name: 'Done, show the endpoint' }).click()
    await page.getByRole('heading', { level: 1, name: /^CRM(?! is ready)/ }).waitFor()
    expect(await page.content()).not.toContain(text)

    // A filter: only what ends.
    await page.getByRole('tab', { name: 'Filter' }).click()
    await page.getByRole('radio', { name: 'Only these' }).check()
    await page.getByRole('checkbox', { name: 'call.ended' }).check()
    await page.getByRole('button', { name: 'Save filter' }).click()
    await page.getByText('The filter is saved').waitFor()

    // The receiver fails; the ladder of the delivery is seen to be climbed.
    receiver.answer({ status: 503, body: 'full' })
    expect((await publish('call.created')).deliveryCount).toBe(0)
    expect((await publish('call.ended')).deliveryCount).toBe(1)
    await follow(page, 'Deliveries')
    await page.getByRole('row').filter({ hasText: 'call.ended' }).filter({ hasText: '503' }).click()
    const panel = page.getByRole('complementary', { name: 'Delivery' })
    const ladder = panel.getByRole('region', { name: 'Attempts' })
    await ladder.getByRole('button', { name: /^Attempt 1, .*failed.*503/ }).waitFor()
    await ladder.getByRole('button', { name: /^Attempt 2, .*failed.*503/ }).waitFor()
    await panel.getByText('Dead letter', { exact: true }).first().waitFor()

    // The dead letter is downloaded, and retried once the cause is mended.
    await follow(page, 'Dead letters')
    const dead = page
      .getByRole('table', { name: 'Dead letters', exact: true })
      .getByRole('row')
      .filter({ hasText: 'call.ended' })
    await dead.waitFor()
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('link', { name: /^Download .* JSON/ }).click(),
    ])
    const letters = JSON.parse(await contentOf(download)) as { attempts: unknown[] }[]
    expect(letters).toHaveLength(1)
    expect(letters[0]!.attempts).toHaveLength(2)

    receiver.answer(200)
    await dead.getByRole('button', { name: 'Retry call.ended to CRM' }).click()
    await dead.getByText('Delivered').waitFor()
    const [delivery] = await house.deliveries({ eventType: 'call.ended', status: 'SUCCEEDED', attemptCount: 3 })
    expect(delivery).toBeDefined()
    expect(complaints).toEqual([])
  }, 120_000)
})
