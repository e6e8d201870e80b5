// The code of the adapters' pages, as somebody who copies it would have it: one file for each block that names one.

import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

const PAGES = join(import.meta.dirname, '../../docs/adapters')

/** An event as `publishEvents` takes it. */
export type AdaptedEvent = {
  readonly type: string
  readonly subject: string
  readonly sequence: number | null
  readonly occurredAt: string
  readonly idempotencyKey: string
  readonly data: Record<string, unknown>
}

export type DocumentedCode = {
  /** The files, by name without their ending. */
  readonly names: readonly string[]
  adapter(name: string): Promise<{ toEvents(record: unknown, options?: object): AdaptedEvent[] }>
  module(name: string): Promise<Record<string, unknown>>
  remove(): Promise<void>
}

/** Writes the blocks ```js file=NAME.js of all pages into a folder of their own. */
export async function extractDocumentedCode(): Promise<DocumentedCode> {
  const folder = await mkdtemp(join(tmpdir(), 'sivo-adapters-'))
  await writeFile(join(folder, 'package.json'), '{"type":"module"}')
  const names: string[] = []
  for (const page of await readdir(PAGES)) {
    const text = await readFile(join(PAGES, page), 'utf8')
    for (const [, name, code] of text.matchAll(/^```js file=([\w-]+)\.js\n([\s\S]*?)^```$/gm)) {
      names.push(name!)
      await writeFile(join(folder, `${name}.js`), code!)
    }
  }
  const load = (name: string) => import(/* @vite-ignore */ pathToFileURL(join(folder, `${name}.js`)).href)
  return {
    names: names.sort(),
    adapter: load,
    module: load,
    remove: () => rm(folder, { recursive: true, force: true }),
  }
}
