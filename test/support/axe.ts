import axe from 'axe-core'
import type { Page } from 'playwright-core'

/** What axe finds wrong in a page, a line for each fault. With `rules`, only these are checked. */
export async function findFaults(page: Page, rules: string[] | null = null): Promise<string[]> {
  if (!(await page.evaluate(() => 'axe' in window))) await page.evaluate(axe.source)
  const violations = await page.evaluate(async (runOnly) => {
    const { axe: here } = window as unknown as { axe: typeof axe }
    const result = await here.run(document, { resultTypes: ['violations'], ...(runOnly ? { runOnly } : {}) })
    return result.violations.map(({ id, nodes }) => ({ id, nodes: nodes.map((node) => node.html.slice(0, 200)) }))
  }, rules)
  return violations.map(({ id, nodes }) => `${id}: ${nodes.slice(0, 3).join(' | ')}`)
}

/** The elements that reach beyond the right edge of the window, unless they lie in a box that scrolls; and whether the page scrolls sideways. */
export function findOverflow(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const scrolls = (element: Element | null): boolean => {
      if (!element) return false
      const { overflowX } = getComputedStyle(element)
      return /auto|scroll|hidden|clip/.test(overflowX) && element.clientWidth <= innerWidth
        ? true
        : scrolls(element.parentElement)
    }
    const isShown = (element: Element) => element.getClientRects().length > 0 && !element.closest('.sr-only')
    const { scrollWidth } = document.documentElement
    const page = scrollWidth > innerWidth + 2 ? [`the page itself is ${scrollWidth} pixels wide`] : []
    const elements = [...document.body.querySelectorAll('*')]
      .filter((element) => element.getBoundingClientRect().right > innerWidth + 1 && isShown(element))
      .filter((element) => !scrolls(element.parentElement))
      .map((element) => element.outerHTML.slice(0, 120))
    return [...page, ...elements]
  })
}
