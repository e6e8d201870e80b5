// Times a browser, and so runs alone.

import type { Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Console, describeInBrowser, openConsole, show } from '../support/console.ts'

describeInBrowser('a long list', () => {
  let console: Console
  let warehouse: { id: string }
  beforeAll(async () => {
    console = await openConsole()
    warehouse = await console.house.addEndpoint('https://localhost:8443/', { name: 'Data warehouse' })
  })
  afterAll(() => console?.close())

  test('ten thousand rows scroll as smoothly as two hundred, and no row is blank', async () => {
    const { house } = console
    await house.app.ctx.db.$executeRaw`
      with stored as (
        insert into event (id, tenant_id, type, occurred_at, body)
        select uuidv7(), tenant_id, 'agent.paused', now(), '{}' from endpoint, generate_series(1, ${ROWS}::int)
        where id = ${warehouse.id}::uuid returning id, tenant_id, type
      )
      insert into delivery (tenant_id, event_id, endpoint_id, event_type, status, attempt_count, max_attempts,
        last_status_code, last_latency_ms, completed_at)
      select tenant_id, id, ${warehouse.id}::uuid, type, 'SUCCEEDED', 1, 7, 200, 12, now() from stored`
    const { page } = await console.signIn()
    await show(page, '/deliveries?eventTypes=agent.paused')
    const table = page.getByRole('table', { name: 'Deliveries', exact: true })
    await table.locator('tbody tr[data-id]').first().waitFor()
    const ofFew = await scroll(page, 3_000)
    while (!(await page.getByText(`Newest first, ${ROWS.toLocaleString('en')} of `).isVisible())) {
      await table.evaluate((element) => element.parentElement!.scrollTo(0, element.parentElement!.scrollHeight))
      await page.waitForTimeout(20)
    }
    const ofAll = await scroll(page, 3_000)
    globalThis.console.info(`ms a frame of few rows and of ${ROWS}: ${JSON.stringify([ofFew, ofAll])}`)
    expect(ofAll.blank).toBe(0)
    expect(ofAll.median).toBeLessThan(ofFew.median * 2 + 10)
    expect(ofAll.p95).toBeLessThan(ofFew.p95 * 2 + 50)
  }, 120_000)
})

const ROWS = 10_000

/** Scrolls the list up and down, 400 px a frame: ms a frame, and the frames whose middle showed no row. */
async function scroll(page: Page, forMs: number): Promise<{ median: number; p95: number; blank: number }> {
  return page.getByRole('table', { name: 'Deliveries', exact: true }).evaluate(async (table, durationMs) => {
    const scroller = table.parentElement!
    const { left, top, width, height } = scroller.getBoundingClientRect()
    const frames: number[] = []
    let blank = 0
    let step = 400
    scroller.scrollTo(0, 0)
    const beganMs = performance.now()
    let lastMs = beganMs
    while (lastMs < beganMs + durationMs) {
      if (scroller.scrollTop + scroller.clientHeight >= scroller.scrollHeight - 2_000) step = -400
      if (scroller.scrollTop === 0) step = 400
      scroller.scrollBy(0, step)
      const nowMs = await new Promise<number>((resolve) => requestAnimationFrame(resolve))
      await new Promise((resolve) => setTimeout(resolve))
      if (!document.elementFromPoint(left + width / 2, top + height / 2)?.closest('tr[data-id]')) blank++
      frames.push(nowMs - lastMs)
      lastMs = nowMs
    }
    frames.sort((a, b) => a - b)
    return { median: frames[frames.length >> 1]!, p95: frames[Math.floor(frames.length * 0.95)]!, blank }
  }, forMs)
}
