import { afterAll, beforeAll, expect, test } from 'vitest'
import { findEventType } from '../../src/domain/event-types/catalogue.ts'
import { type Console, describeInBrowser, openConsole, show } from '../support/console.ts'
import { untilIndexed } from '../support/indexed.ts'

describeInBrowser('calls and their numbers', () => {
  let console: Console
  beforeAll(async () => {
    console = await openConsole()
    const { house } = console
    const url = (await house.receiver()).url('/')
    await house.addEndpoint(url, { name: 'CRM', eventTypes: ['call.ended'] })
    await house.addEndpoint(url, { name: 'Archive', eventTypes: ['call.created'], status: 'PAUSED' })
    const created = findEventType('call.created')!.example.data
    const call = (subject: string, number: string | null, fields: object = {}) => ({
      type: 'call.created',
      subject,
      sequence: 1_795_435_200_000,
      data: { ...created, call_id: subject, from: { type: 'external', number, ...fields } },
    })
    await house.publish(
      call('call_e164', '+442079460123', { e164: '+442079460123', number_kind: 'e164' }),
      call('call_national', '020 7946 0123', { number_kind: 'national' }),
      call('call_sip', 'sip:+442079460123@sbc.example.com;user=phone', { number_kind: 'sip' }),
      call('call_other', '+14155550199'),
      call('call_emergency', '112', { number_kind: 'emergency' }),
      call('call_withheld', null, { number_kind: 'withheld' }),
      { ...call('call_e164', '+442079460123'), sequence: 1_795_435_204_711 },
    )
    await untilIndexed(house)
  })
  afterAll(() => console?.close())

  test('a call is found by its number in any spelling', async () => {
    const { page, complaints } = await console.signIn()
    await show(page, '/')
    for (const typed of ['+44 20 7946 0123', '0044 20 7946 0123', '(020) 7946-0123', '2079460123']) {
      await page.getByRole('combobox', { name: 'Search' }).fill(typed)
      await page.getByRole('option', { name: `Calls with the number ${typed}` }).click()
      await page.getByRole('heading', { name: `Calls with ${typed}` }).waitFor()
      const calls = page.getByRole('table', { name: 'Calls' }).getByRole('link')
      await page.getByText(/^4 events have it, .*there are no others/).waitFor()
      expect((await calls.allTextContents()).sort()).toEqual(['call_e164', 'call_national', 'call_sip'])
    }
    await page.getByRole('row', { name: /^call_e164 .* 2 waiting/ }).waitFor()
    await page.getByRole('row', { name: /^call_sip .* 1 waiting/ }).waitFor()
    await page.getByRole('combobox', { name: 'Search' }).fill('112')
    await page.getByRole('option', { name: 'Calls with the number 112' }).click()
    await page.getByRole('link', { name: 'call_emergency' }).click()
    await page.getByText('call.created', { exact: true }).waitFor()
    expect(complaints).toEqual([])
  })

  test('a number that no call has is said to be in none', async () => {
    const { page } = await console.signIn()
    await show(page, '/calls?number=%2B15005550006')
    await page.getByText('No call with this number').waitFor()
    await page.getByText(/there are no others/).waitFor()
  })

  test('a call whose sequences are a clock shows no gap', async () => {
    const { page } = await console.signIn()
    await show(page, '/call?subject=call_e164')
    await page.getByText('#1795435204711').waitFor()
    expect(await page.getByText(/not here/).count()).toBe(0)
  })

  test('the catalogue shows known words, and that others may come', async () => {
    const { page } = await console.signIn()
    await show(page, '/catalogue?type=call.ended')
    const status = page.getByRole('row', { name: /^status/ }).first()
    await status.getByText('no_answer', { exact: true }).waitFor()
    await status.getByText('or another word').waitFor()
    const direction = page.getByRole('row', { name: /^direction/ })
    await direction.getByText('inbound', { exact: true }).waitFor()
    expect(await direction.getByText('or another word').count()).toBe(0)
  })

  test('the tester warns of what is odd, and sends it', async () => {
    const { page, complaints } = await console.signIn()
    await show(page, '/tester?type=call.ended')
    const editor = page.getByRole('textbox', { name: 'Data of the event' })
    await editor.waitFor()
    await editor.click()
    await page.keyboard.press('Control+a')
    const data = { ...findEventType('call.ended')!.example.data, status: 'answered_late', hangup: null }
    await page.keyboard.insertText(JSON.stringify(data))
    await page.getByRole('button', { name: 'Send test' }).click()
    const warnings = page.getByRole('list', { name: 'Warnings' })
    await warnings.getByText(/^status: expected a known word .* got "answered_late"/).waitFor()
    expect(complaints).toEqual([])
  })
})
