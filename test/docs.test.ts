import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { withCatalogue } from '../scripts/print-catalogue.ts'
import { CATALOGUE } from '../src/domain/event-type.ts'

const ROOT = join(import.meta.dirname, '..')
const read = (path: string) => readFile(join(ROOT, path), 'utf8')

/** The members of a union of string literals, as the source declares it. */
function membersOf(source: string, union: string): string[] {
  const declaration = new RegExp(`type ${union} =([\\s\\S]*?)(?=\\n\\n|\\nexport|\\ntype|\\nabstract)`).exec(source)
  return [...(declaration?.[1]?.matchAll(/'([A-Za-z_]+)'/g) ?? [])].map(([, member]) => member!)
}

const documented = (text: string) => new Set([...text.matchAll(/^\| `([A-Za-z_]+)`/gm)].map(([, code]) => code!))

describe('what is documented is what there is', () => {
  test('every code and reason has its row, and no row is about something else', async () => {
    const codes = [
      ...membersOf(await read('src/errors.ts'), 'ErrorCode'),
      ...membersOf(await read('src/errors.ts'), 'RequestErrorCode'),
      ...membersOf(await read('src/domain/outcome.ts'), 'FailureCode'),
      ...membersOf(await read('src/domain/outcome.ts'), 'ErrorCode'),
      ...membersOf(await read('src/domain/delivery.ts'), 'Reason'),
      ...membersOf(await read('src/domain/delivery-explanation.ts'), 'ExplanationReason'),
    ]
    expect(codes.length).toBeGreaterThan(25)
    expect([...documented(await read('docs/errors.md'))].sort()).toEqual([...new Set(codes)].sort())
  })

  test('every setting that is read is in the operating page', async () => {
    const read_ = [...(await read('src/config.ts')).matchAll(/'((?:SIVO_[A-Z_]+|PORT|HOST|DATABASE_URL|LOG_LEVEL))'/g)]
    const page = await read('docs/operating.md')
    const missing = [...new Set(read_.map(([, name]) => name!))].filter((name) => !page.includes(`\`${name}\``))
    expect(missing).toEqual([])
  })

  test('docs/README.md lists every page of docs and every decision', async () => {
    const index = await read('docs/README.md')
    const pages = (await readdir(join(ROOT, 'docs'))).filter((name) => name.endsWith('.md') && name !== 'README.md')
    const decisions = (await readdir(join(ROOT, 'docs/decisions'))).map((name) => `decisions/${name}`)
    expect([...pages, ...decisions].filter((name) => !index.includes(`(${name})`))).toEqual([])
  })

  test('every file and folder that CONTRIBUTING.md names exists', async () => {
    const named = [
      ...(await read('CONTRIBUTING.md')).matchAll(
        /`((?:src|test|console|docs|prisma|harness|chaos|bench|packages|findings|scripts)(?:\/[\w./-]+)?)`/g,
      ),
    ]
    expect(named.length).toBeGreaterThan(50)
    const missing: string[] = []
    for (const [, path] of named) await stat(join(ROOT, path!)).catch(() => missing.push(path!))
    expect(missing).toEqual([])
  })

  test('CONTRIBUTING.md names every room of src/gateway, and the path of an event in at most twelve steps', async () => {
    const text = await read('CONTRIBUTING.md')
    const rooms = await readdir(join(ROOT, 'src/gateway'))
    expect(rooms.filter((room) => !text.includes(`| \`src/gateway/${room}\` |`))).toEqual([])
    const path = text.split('## The path of an event')[1]!.split('\n## ')[0]!
    const steps = [...path.matchAll(/^(\d+)\. `([^`]+)`/gm)].map(([, number, file]) => [Number(number), file])
    expect(steps.map(([number]) => number)).toEqual(steps.map((_, index) => index + 1))
    expect(steps.length).toBeLessThanOrEqual(12)
    expect(steps[0]![1]).toBe('src/gateway/publish/publish-events.ts')
    expect(steps.at(-1)![1]).toBe('src/gateway/deliver/record-attempts.ts')
  })

  test('every decision has a number of its own', async () => {
    const numbers = (await readdir(join(ROOT, 'docs/decisions'))).map((name) => name.slice(0, 4))
    expect(numbers.filter((number, at) => numbers.indexOf(number) !== at)).toEqual([])
  })

  test('the page of the events is what the catalogue says', async () => {
    const page = await read('docs/events.md')
    expect(page).toBe(withCatalogue(page))
    for (const { name } of CATALOGUE) expect(page).toContain(`### ${name}\n`)
  })

  test('the page for programs leads to pages that exist', async () => {
    const targets = [...(await read('docs/llms.txt')).matchAll(/\]\(([^)]+)\)/g)].map(([, target]) => target!)
    expect(targets.length).toBeGreaterThan(4)
    for (const target of targets) expect((await read(`docs/${target}`)).length).toBeGreaterThan(100)
  })

  test('links between the documents lead somewhere', async () => {
    const pages = ['README.md', 'CONTRIBUTING.md', 'GLOSSARY.md', 'CHANGELOG.md', 'SECURITY.md']
    for (const name of await readdir(join(ROOT, 'docs'), { recursive: true }))
      if (name.endsWith('.md')) pages.push(`docs/${name}`)
    const broken: string[] = []
    for (const page of pages) {
      for (const [, target] of (await read(page)).matchAll(/\]\((?!https?:|#)([^)#]+)/g)) {
        const path = join(page, '..', target!)
        await read(path).catch((error: NodeJS.ErrnoException) => {
          if (error.code !== 'EISDIR') broken.push(`${page} → ${target}`)
        })
      }
    }
    expect(broken).toEqual([])
  })
})
