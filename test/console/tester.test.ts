import type { Locator } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Receiver } from '../../src/dev/receiver.ts'
import { toPublicId } from '../../src/domain/values/id.ts'
import { findFaults } from '../support/axe.ts'
import { type Console, describeInBrowser, openConsole, show } from '../support/console.ts'
import { exampleEvent } from '../support/house.ts'

describeInBrowser('the tester', () => {
  let console: Console
  let receiver: Receiver
  beforeAll(async () => {
    console = await openConsole()
    receiver = await console.house.receiver()
    await console.house.addEndpoint(receiver.url('/tests'), { name: 'Tests' })
  })
  afterAll(() => console?.close())

  const { data } = exampleEvent({ type: 'agent.paused' })
  const ours = { ...(data as object), reason: { code: 'lunch', label: 'A label of our own' } }

  test('the tester says whether a receiver accepts a forgery, and whether it refuses a replay', async () => {
    const { page, complaints } = await console.signIn()
    const sent = receiver.requestCount
    await show(page, '/tester?type=agent.paused')
    await page.getByRole('combobox', { name: 'Signature' }).selectOption('WRONG')
    await page.getByRole('button', { name: 'Send test' }).click()
    await page.getByText(/^This receiver accepts forgeries/).waitFor()
    receiver.answer(401)
    await page.getByRole('combobox', { name: 'Signature' }).selectOption('OLD')
    await page.getByRole('button', { name: 'Send test' }).click()
    await page.getByText(/^This receiver refuses replays, with HTTP 401/).waitFor()
    receiver.answer(500)
    await page.getByRole('combobox', { name: 'Signature' }).selectOption('WRONG')
    await page.getByRole('button', { name: 'Send test' }).click()
    await page.getByText(/^No verdict/).waitFor()
    expect(receiver.requestCount).toBe(sent + 3)
    expect(await findFaults(page)).toEqual([])
    receiver.answer(200)
    receiver.forget()
    expect(complaints).toEqual([])
  })

  test('on a phone the result of a test comes into view', async () => {
    const { page, complaints } = await console.signIn()
    await page.setViewportSize({ width: 390, height: 844 })
    await show(page, '/tester?type=agent.paused')
    await page.getByRole('button', { name: 'Send test' }).click()
    const answer = page.getByText(/^Taken with HTTP 200/)
    await answer.waitFor()
    const { y, height } = (await answer.boundingBox())!
    expect(y + height).toBeLessThan(844)
    receiver.forget()
    expect(complaints).toEqual([])
  })

  test('the tester keeps a payload under a name in this browser, so that it can be sent again later', async () => {
    const { page, complaints } = await console.signIn()
    await show(page, '/tester?type=agent.paused')
    const editor = page.getByRole('textbox', { name: 'Data of the event' })
    const examples = page.getByRole('combobox', { name: 'Example' })
    await editor.waitFor()
    expect(await shownIn(examples)).toBe('The catalogue’s example')
    await editor.click()
    await page.keyboard.press('Control+a')
    await page.keyboard.insertText(JSON.stringify(ours))
    expect(await shownIn(examples)).toBe('Your own')
    await page.getByRole('button', { name: 'Save as …' }).click()
    const dialog = page.getByRole('dialog', { name: 'Save this payload' })
    await dialog.getByRole('textbox', { name: 'Name' }).fill('Long lunch')
    await page.keyboard.press('Enter')
    await dialog.waitFor({ state: 'detached' })
    // Enter in the dialog sends no test.
    expect(receiver.requests).toEqual([])
    expect(await shownIn(examples)).toBe('Long lunch, agent.paused')

    await show(page, '/tester?type=call.ended')
    await editor.waitFor()
    expect(await shownIn(examples)).toBe('The catalogue’s example')
    await examples.selectOption({ label: 'Long lunch, agent.paused' })
    await page.getByRole('button', { name: 'Send test' }).click()
    const [request] = await receiver.until((requests) => requests.length === 1)
    expect(JSON.parse(String(request!.body))).toMatchObject({ type: 'agent.paused', test: true, data: ours })

    await page.getByRole('button', { name: 'Delete “Long lunch”' }).click()
    expect(await examples.locator('option').allTextContents()).not.toContain('Long lunch, agent.paused')
    expect(await page.evaluate(() => Object.keys(localStorage).filter((key) => key.includes('payloads')))).toEqual([])
    expect(complaints).toEqual([])
  })

  test('the tester keeps a limited number of payloads of a tenant, and none of another tenant', async () => {
    const { page } = await console.signIn()
    await show(page, '/tester?type=agent.paused')
    const payloads = Array.from({ length: 20 }, (_, index) => ({
      name: `Payload ${index}`,
      eventType: 'agent.paused',
      text: JSON.stringify({ index }),
    }))
    const other = toPublicId('tenant', console.house.app.ctx.newId())
    await page.evaluate(
      ([key, text, foreign]) => {
        localStorage.setItem(key, text)
        localStorage.setItem(foreign, '[{"name":"Foreign","eventType":"agent.paused","text":"{}"}]')
      },
      [`sivo.payloads.${console.tenantId}`, JSON.stringify(payloads), `sivo.payloads.${other}`] as const,
    )
    await page.reload()
    const examples = page.getByRole('combobox', { name: 'Example' })
    await examples.waitFor()
    const options = await examples.locator('optgroup option').allTextContents()
    expect(options).toHaveLength(20)
    expect(options.join()).not.toContain('Foreign')
    const dialog = page.getByRole('dialog', { name: 'Save this payload' })
    const save = async (name: string) => {
      await page.getByRole('button', { name: 'Save as …' }).click()
      await dialog.getByRole('textbox', { name: 'Name' }).fill(name)
      await dialog.getByRole('button', { name: /^(Save|Replace)$/ }).click()
    }
    await save('One too many')
    await dialog.getByText('20 payloads are kept already. Delete one first.').waitFor()
    await page.keyboard.press('Escape')
    // One that is there already can be replaced all the same.
    await save('Payload 7')
    await dialog.waitFor({ state: 'detached' })
  })

  test('a test that does not reach the receiver names the step that failed', async () => {
    const { id } = await console.house.addEndpoint('https://localhost:1/', { name: 'Closed' })
    const { page } = await console.signIn()
    await show(page, `/tester?type=agent.paused&endpoint=${toPublicId('endpoint', id)}`)
    await page.getByRole('button', { name: 'Send test' }).click()
    const steps = page.getByRole('list', { name: 'Steps of the attempt' }).getByRole('listitem')
    await steps.getByText('failed').waitFor()
    expect((await steps.allTextContents())[1]).toMatch(/^Connected.*failed$/)
  })

  test('of more than a hundred endpoints each can be tested, found and chosen, and what was typed goes with the choice', async () => {
    const { house } = console
    const [oldest] = await house.app.ctx.db.endpoint.findMany({ orderBy: { id: 'asc' }, take: 1 })
    const oldestId = toPublicId('endpoint', oldest!.id)
    for (let number = 1; number <= 100; number++)
      await house.addEndpoint(receiver.url(`/${number}`), { name: number === 1 ? 'Tests' : `Number ${number}` })
    const { page, complaints } = await console.signIn()
    const endpoint = page.getByRole('combobox', { name: 'Endpoint' })
    const editor = page.getByRole('textbox', { name: 'Data of the event' })
    await show(page, `/tester?type=agent.paused&endpoint=${oldestId}`)
    await editor.waitFor()
    expect(await shownIn(endpoint)).toBe(`Tests (${receiver.url('/tests').replace('https://', '')})`)
    await editor.click()
    await page.keyboard.press('Control+a')
    await page.keyboard.insertText(JSON.stringify(ours))
    await endpoint.selectOption({ label: 'Number 7' })
    await page.getByRole('tab', { name: 'A whole call' }).click()
    await page.getByRole('tab', { name: 'One event' }).click()
    await page.getByRole('button', { name: 'Send test' }).click()
    const [request] = await receiver.until((requests) => requests.some(({ path }) => path === '/7'))
    expect(JSON.parse(String(request!.body))).toMatchObject({ data: ours })

    await page.getByRole('combobox', { name: 'Search' }).fill('/tests')
    await page
      .getByRole('listbox', { name: 'Found' })
      .getByRole('option', { name: /^Tests \(.*\/tests\)/ })
      .waitFor()
    await show(page, '/endpoints')
    await page.getByRole('textbox', { name: 'Search endpoints' }).fill(oldestId)
    await page.getByRole('link', { name: 'Tests' }).waitFor()
    await show(page, `/tester?endpoint=${toPublicId('endpoint', house.app.ctx.newId())}`)
    await page.getByRole('heading', { name: 'There is no such endpoint' }).waitFor()
    expect(await page.getByRole('button', { name: 'Send test' }).count()).toBe(0)
    expect(complaints).toEqual([])
  })
})

function shownIn(select: Locator): Promise<string> {
  return select.evaluate((element) => (element as HTMLSelectElement).selectedOptions[0]!.textContent)
}
