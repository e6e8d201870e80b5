import axe from 'axe-core'
import type { Page } from 'playwright-core'

/** What axe has to say about a page, a line for each fault; `rules`: only these. */
export async function findFaults(page: Page, rules: string[] | null = null): Promise<string[]> {
  await page.evaluate(axe.source)
  const violations = await page.evaluate(async (runOnly) => {
    const { axe: here } = window as unknown as { axe: typeof axe }
    const result = await here.run(document, { resultTypes: ['violations'], ...(runOnly ? { runOnly } : {}) })
    return result.violations.map(({ id, nodes }) => ({ id, nodes: nodes.map((node) => node.html.slice(0, 200)) }))
  }, rules)
  return violations.map(({ id, nodes }) => `${id}: ${nodes.slice(0, 3).join(' | ')}`)
}
