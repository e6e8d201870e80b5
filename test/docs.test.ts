import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { parse, validate } from 'graphql'
import { describe, expect, test } from 'vitest'
import { withCatalogue } from '../scripts/print-catalogue.ts'
import { renderReference } from '../scripts/render-reference.ts'
import { CATALOGUE } from '../src/domain/event-types/catalogue.ts'
import { schema } from '../src/schema/index.ts'
import { settingNames } from './support/setting-names.ts'

const ROOT = join(import.meta.dirname, '..')
const read = (path: string) => readFile(join(ROOT, path), 'utf8')

/** The members of a union of string literals, as the source declares it. */
function membersOf(source: string, union: string): string[] {
  const declaration = new RegExp(`type ${union} =([\\s\\S]*?)(?=\\n\\n|\\nexport|\\ntype|\\nabstract)`).exec(source)
  return [...(declaration?.[1]?.matchAll(/'([A-Za-z_]+)'/g) ?? [])].map(([, member]) => member!)
}

const documented = (text: string) => new Set([...text.matchAll(/^\| `([A-Za-z_]+)`/gm)].map(([, code]) => code!))

/** Every page of the documentation, with its code. */
async function pages(): Promise<{ page: string; text: string }[]> {
  const names = ['README.md', 'CONTRIBUTING.md', 'GLOSSARY.md', 'CHANGELOG.md', 'packages/verify/README.md']
  for (const name of await readdir(join(ROOT, 'docs'), { recursive: true }))
    if (name.endsWith('.md') || name.endsWith('.txt')) names.push(`docs/${name}`)
  return Promise.all(names.map(async (page) => ({ page, text: await read(page) })))
}

/** What the environment of a sample receiver is called; the gateway does not read it. */
const OF_SAMPLES = new Set(['SIVO_WEBHOOK_SECRETS', 'SIVO_SIGNATURE'])

async function sources(): Promise<string> {
  const texts: string[] = []
  for (const folder of [
    'src',
    'packages/cli/src',
    'packages/verify/src',
    'scripts',
    'harness',
    'chaos',
    'drills',
    'deploy',
  ])
    for (const name of await readdir(join(ROOT, folder), { recursive: true }))
      if (/\.(ts|mjs|yaml|yml|service)$/.test(name)) texts.push(await read(`${folder}/${name}`))
  return texts.join('\n')
}

const namesIn = (text: string, quote: string) =>
  [...text.matchAll(new RegExp(`${quote}([a-z][a-z_]*\\.[a-z][a-z_]*)${quote}`, 'g'))].map(([, name]) => name!)

/** The names of the lines that the gateway logs: in a call of a log, or behind the work of a round whose failure is logged. */
async function logLines(): Promise<string[]> {
  const nested = (inner: string) => `(?:[^()]|\\(${inner}\\))*`
  const call = new RegExp(
    `\\b(?:log(?:\\.\\w+|\\[[^\\]]*\\])|faults)\\((${nested(nested(nested(nested('[^()]*'))))})\\)`,
    'g',
  )
  const round = /(?:^ +\}|\battempt\(.*), '[a-z_.]+'\)$/gm
  const names = new Set<string>()
  for (const name of await readdir(join(ROOT, 'src'), { recursive: true })) {
    if (!name.endsWith('.ts') || name.startsWith('generated')) continue
    const text = await read(`src/${name}`)
    for (const [, given] of text.matchAll(call)) for (const line of namesIn(given!, "'")) names.add(line)
    for (const [end] of text.matchAll(round)) for (const line of namesIn(end, "'")) names.add(line)
  }
  return [...names]
}

/** The commands of the command line, such as `endpoints apply`, and the names of all options. */
async function commandLine() {
  const groups = [...(await read('packages/cli/src/command-line.ts')).matchAll(/group\('([a-z-]+)'/g)]
  const commands = new Set<string>()
  const options = new Set(['help', 'version'])
  for (const name of await readdir(join(ROOT, 'packages/cli/src'), { recursive: true })) {
    if (!name.endsWith('.ts') || name.startsWith('gql')) continue
    const text = await read(`packages/cli/src/${name}`)
    const group =
      groups.find(([, group]) => name.startsWith(`commands/${group}`))?.[1] ?? /group\('([a-z-]+)'/.exec(text)?.[1]
    for (const [, command] of text.matchAll(/^ +command: '([a-z-]+)/gm))
      commands.add(group ? `${group} ${command}` : command!)
    for (const [, option] of text.matchAll(/[ {]'?([a-z][a-z-]*)'?: \{/g)) options.add(option!)
  }
  return { commands, options }
}

/** The anchors of a page: its headings as GitHub writes them. */
function anchorsOf(text: string): Set<string> {
  const headings = [...text.replaceAll(/^```[\s\S]*?^```$/gm, '').matchAll(/^#+ (.+)$/gm)].map(
    ([, heading]) => heading!,
  )
  return new Set(
    headings.map((heading) =>
      heading
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
        .replaceAll(' ', '-'),
    ),
  )
}

describe('what is documented is what there is', () => {
  test('every code and reason has its row, and no row is about something else', async () => {
    const codes = [
      ...membersOf(await read('src/errors.ts'), 'ErrorCode'),
      ...membersOf(await read('src/errors.ts'), 'RequestErrorCode'),
      ...membersOf(await read('src/domain/outcome.ts'), 'FailureCode'),
      ...membersOf(await read('src/domain/outcome.ts'), 'ErrorCode'),
      ...membersOf(await read('src/domain/delivery.ts'), 'Reason'),
      ...membersOf(await read('src/domain/delivery/explanation.ts'), 'ExplanationReason'),
    ]
    expect(codes.length).toBeGreaterThan(25)
    expect([...documented(await read('docs/errors.md'))].sort()).toEqual([...new Set(codes)].sort())
  })

  test('the page of failures has each code of an attempt as a heading, and no other code', async () => {
    const codes = [
      ...membersOf(await read('src/domain/outcome.ts'), 'FailureCode'),
      ...membersOf(await read('src/domain/outcome.ts'), 'ErrorCode'),
    ]
    const headings = [...(await read('docs/failures.md')).matchAll(/^## `(\w+)`$/gm)].map(([, code]) => code!)
    expect(headings.sort()).toEqual([...new Set(codes)].sort())
  })

  test('every header of a delivery is in the table of docs/verify.md, and no page names one that is not sent', async () => {
    const source =
      (await read('src/domain/signing/signature.ts')) + (await read('src/gateway/deliver/attempt-delivery.ts'))
    const sent = [...source.matchAll(/'(X-Sivo-[A-Za-z-]+|webhook-[a-z]+|User-Agent)'/g)].map(([, name]) => name!)
    expect(sent.length).toBe(11)
    const table = [...(await read('docs/verify.md')).matchAll(/^\| `([A-Za-z-]+)` \|/gm)].map(([, name]) => name!)
    expect(table.sort()).toEqual([...new Set(sent)].sort())
    const known = new Set(sent.map((name) => name.toLowerCase()))
    // Of the gateway's own API, of proxies in front of cells and of parked messages.
    for (const other of ['x-sivo-cell', 'x-sivo-csrf', 'x-sivo-error', 'x-sivo-queue']) known.add(other)
    for (const { page, text } of await pages()) {
      const named = [...text.matchAll(/\bX-Sivo-[A-Za-z]+(?:-[A-Za-z]+)*/gi)].map(([name]) => name.toLowerCase())
      expect(
        named.filter((name) => !known.has(name)),
        page,
      ).toEqual([])
    }
  })

  test('no page names a setting that nothing reads', async () => {
    const source = await sources()
    for (const { page, text } of await pages()) {
      const named = [...text.matchAll(/\bSIVO_[A-Z][A-Z_]*[A-Z]/g)].map(([name]) => name)
      const invented = [...new Set(named)].filter((name) => !source.includes(name) && !OF_SAMPLES.has(name))
      // A history may name what is no more.
      if (page !== 'CHANGELOG.md') expect(invented, page).toEqual([])
    }
  })

  test('no page names an event type that the catalogue does not have', async () => {
    const known = new Set<string>(CATALOGUE.map(({ name }) => name))
    const nouns = [...new Set([...known].map((name) => name.split('.')[0]!))].join('|')
    const events = await read('docs/events.md')
    for (const { name } of CATALOGUE) expect(events).toContain(`### ${name}\n`)
    // Lines of the log and actions of the audit look alike.
    const source = await sources()
    for (const { page, text } of await pages()) {
      // `call.id` would be a member; types end in a past participle, as each of the catalogue's does.
      const named = [...text.matchAll(new RegExp(`\`((?:${nouns})\\.[a-z_]+ed)\``, 'g'))].map(([, name]) => name!)
      expect(
        named.filter((name) => !known.has(name) && !new RegExp(`['\`]${name}['\`]`).test(source)),
        page,
      ).toEqual([])
    }
  })

  test('the reference is what the schema makes', async () => {
    // npm run generate prints it.
    expect(await read('docs/reference.md')).toBe(renderReference(schema))
  })

  test('every document of GraphQL on a page is valid, and every text of JSON is JSON', async () => {
    let documents = 0
    for (const { page, text } of await pages()) {
      for (const [, code] of text.matchAll(/^```graphql[^\n]*\n([\s\S]*?)^```$/gm)) {
        documents++
        expect(
          validate(schema, parse(code!)).map(({ message }) => message),
          page,
        ).toEqual([])
      }
      for (const [, code] of text.matchAll(/^```json\n([\s\S]*?)^```$/gm))
        expect(() => JSON.parse(code!), `${page}: ${code}`).not.toThrow()
    }
    expect(documents).toBeGreaterThan(2)
  })

  test('every command of sivo that a page shows exists, with its options', async () => {
    const { commands, options } = await commandLine()
    let shown = 0
    for (const { page, text } of await pages()) {
      // Commands stand on lines of shell code, and in the text between backticks.
      const lines = [
        ...[...text.matchAll(/^```sh[^\n]*\n([\s\S]*?)^```$/gm)].flatMap(([, code]) => code!.split('\n')),
        ...[...text.matchAll(/`(sivo [^`]+)`/g)].map(([, code]) => code!),
      ]
      for (const line of lines) {
        const [, words] = /(?:^|\| |-- )sivo (?:-- )?([a-z][^|>#]*)/.exec(line) ?? []
        if (!words || page.startsWith('CHANGELOG')) continue
        shown++
        const [first, second] = words.trim().split(/\s+/)
        const isKnown = commands.has(first!) || commands.has(`${first} ${second}`) || first === 'completion'
        expect(isKnown, `${page}: ${line}`).toBe(true)
        for (const [, option] of words.matchAll(/--([a-z][a-z-]*)/g))
          expect(options.has(option!), `${page}: ${line}: --${option}`).toBe(true)
      }
    }
    expect(shown).toBeGreaterThan(15)
  })

  test('every page whose code is in files is run by a test', async () => {
    const tests: string[] = []
    for (const name of await readdir(join(ROOT, 'test'), { recursive: true }))
      if (name.endsWith('.ts') && !name.includes('node_modules')) tests.push(await read(`test/${name}`))
    const all = tests.join('\n')
    const notRun: string[] = []
    for (const { page, text } of await pages()) {
      if (!/^```\w+ file=/m.test(text)) continue
      // test/adapters reads its whole folder. Otherwise a test names the page from the folder of the receivers, or by its own name.
      const name = page.startsWith('docs/receivers/') ? page.slice('docs/receivers/'.length) : page.replace('docs/', '')
      if (
        !new RegExp(`['/]${name.replaceAll('.', '\\.')}['\`]`).test(all) &&
        page !== 'README.md' &&
        !page.startsWith('docs/adapters/')
      )
        notRun.push(page)
    }
    expect(notRun).toEqual([])
  })

  test('every setting that is read is in the operating page', async () => {
    const page = await read('docs/operating.md')
    expect(settingNames().length).toBeGreaterThan(40)
    expect(settingNames().filter((name) => !page.includes(`\`${name}\``))).toEqual([])
  })

  test('the page of the log has each line that the gateway writes, and no other', async () => {
    const page = await read('docs/log.md')
    const rows = [...page.matchAll(/^\| (`[^|]+`) \|.* ([^|]+) \|$/gm)].flatMap(([, lines]) => namesIn(lines!, '`'))
    expect(rows.length).toBe(new Set(rows).size)
    expect(rows.sort()).toEqual((await logLines()).sort())
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
    expect(steps[0]![1]).toBe('src/schema/event/event.ts')
    expect(steps.at(-1)![1]).toBe('src/gateway/deliver/record-attempts.ts')
  })

  test('every decision has a number of its own, with which its heading begins', async () => {
    const names = await readdir(join(ROOT, 'docs/decisions'))
    const numbers = names.map((name) => name.slice(0, 4))
    expect(numbers.filter((number, at) => numbers.indexOf(number) !== at)).toEqual([])
    for (const name of names) expect(await read(`docs/decisions/${name}`)).toMatch(`# ${Number(name.slice(0, 4))}. `)
  })

  test('the page of the events is what the catalogue says', async () => {
    const page = await read('docs/events.md')
    expect(page, 'npm run generate prints the page').toBe(withCatalogue(page))
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
      for (const [, target, anchor] of (await read(page)).matchAll(/\]\((?!https?:)([^)#]*)(?:#([^)]+))?\)/g)) {
        const path = target ? join(page, '..', target) : page
        const text = await read(path).catch((error: NodeJS.ErrnoException) => {
          if (error.code !== 'EISDIR') broken.push(`${page} → ${target}`)
          return null
        })
        if (text !== null && anchor && path.endsWith('.md') && !anchorsOf(text).has(anchor))
          broken.push(`${page} → ${target}#${anchor}`)
      }
    }
    expect(broken).toEqual([])
  })
})
