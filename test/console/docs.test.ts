import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Console, describeInBrowser, follow, openConsole, show } from '../support/console.ts'

const DOCS = join(import.meta.dirname, '../../docs')

describeInBrowser('the documentation in the console', () => {
  let console: Console
  beforeAll(async () => {
    console = await openConsole()
  })
  afterAll(() => console?.close())

  const textAt = (path: string) => fetch(`${console.url}/${path}`)

  test('a person finds a page by a heading, and follows its links', async () => {
    const { page, complaints } = await console.signIn('VIEWER')
    await show(page, '/')
    await follow(page, 'Docs')
    await page.getByRole('article', { name: 'Documentation' }).waitFor()
    await page.getByRole('textbox', { name: 'Search the headings' }).fill('duplicates')
    const contents = page.getByRole('navigation', { name: 'Documentation' })
    await contents.getByRole('link', { name: /^Retries, duplicates/ }).click()
    const article = page.getByRole('article')
    await article.getByRole('heading', { name: 'Duplicates', exact: true }).waitFor()
    await article.getByText('insert into handled_event').waitFor()
    // Within the repository a relative link with a section.
    await article.getByRole('link', { name: 'errors.md' }).first().click()
    const section = article.getByRole('heading', { name: 'When a receiver sees an attempt number twice' })
    await section.waitFor()
    await expect.poll(async () => (await section.boundingBox())!.y).toBeLessThan(500)
    await page.goBack()
    await article.getByRole('heading', { name: 'Duplicates', exact: true }).waitFor()
    await contents.getByRole('link', { name: /^Retries, duplicates/ }).waitFor()
    expect(complaints).toEqual([])
  })

  test('every page can be read, and the text of each is that of the repository', async () => {
    const listed = (await (await textAt('docs/index.json')).json()) as { path: string; title: string }[]
    const names = (await readdir(DOCS, { recursive: true })).filter((name) => name.endsWith('.md'))
    const paths = listed.map(({ path }) => path)
    expect(names.filter((name) => !paths.includes(`docs/${name}`))).toEqual([])
    for (const name of names) {
      const reply = await textAt(`docs/${name}`)
      expect(reply.headers.get('content-type')).toBe('text/markdown; charset=utf-8')
      expect(await reply.text()).toBe(await readFile(join(DOCS, name), 'utf8'))
    }
    const { page, complaints } = await console.signIn('VIEWER')
    for (const path of ['docs/reference.md', 'docs/events.md', 'docs/live.md', 'packages/verify/README.md']) {
      await show(page, `/docs?page=${encodeURIComponent(path)}`)
      const title = listed.find((one) => one.path === path)!.title
      await page.getByRole('article').getByRole('heading', { name: title, level: 2 }).waitFor()
      // What Markdown means is drawn, and not written.
      const shown = await page.getByRole('article').textContent()
      expect(shown).not.toMatch(/\]\([\w./]+\)|&(?:lt|gt|amp|quot|#39);|\|---/)
    }
    expect(complaints).toEqual([])
  })

  test('programs find llms.txt, and each of its links', async () => {
    const reply = await textAt('llms.txt')
    expect(reply.headers.get('content-type')).toBe('text/plain; charset=utf-8')
    const links = [...(await reply.text()).matchAll(/\]\(([^)]+)\)/g)].map(([, target]) => target!)
    expect(links.length).toBeGreaterThan(15)
    for (const link of links) {
      const { status, headers } = await textAt(link)
      expect([link, status, headers.get('content-type')]).toEqual([link, 200, 'text/markdown; charset=utf-8'])
    }
  })

  test('a page that is not there is said to be so', async () => {
    const { page } = await console.signIn('VIEWER')
    await show(page, '/docs?page=docs%2Fnothing.md')
    await page.getByText('There is no page docs/nothing.md here').waitFor()
  })
})
