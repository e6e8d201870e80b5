// A receiver in TypeScript, with types that json-schema-to-typescript makes of the published schemas: the compiler reads
// every body that was delivered as the type of its event.

import { mkdtemp, realpath, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { compile } from 'json-schema-to-typescript'
import { expect, test } from 'vitest'
import { EVENT_TYPES } from '../../src/domain/event-types/catalogue.ts'
import { run } from '../field/programs.ts'
import { deliverEverything } from './delivered.ts'

const TSC = resolve(import.meta.dirname, '../../node_modules/.bin/tsc')
const BODIES_IN_A_FILE = 200

/** Asks less of arrays than the types do: a literal's are read-only. */
const HEAD = `type Read<T> = T extends object ? { readonly [Name in keyof T]: Read<T[Name]> } : T
export const decoded = <T>(data: Read<T>): Read<T> => data
`

test('a TypeScript receiver with generated types decodes every delivered body', async () => {
  const bodies = await deliverEverything()
  expect(bodies.length).toBeGreaterThan(1_600)
  expect(new Set(bodies.map(({ type }) => type)).size).toBe(EVENT_TYPES.length)

  const folder = await mkdtemp(join(tmpdir(), 'sivo-types-'))
  try {
    await writeFile(join(folder, 'read.ts'), HEAD)
    for (const { name, jsonSchema } of EVENT_TYPES) {
      const types = await compile(jsonSchema as never, typeNameOf(name), { format: false, bannerComment: '' })
      await writeFile(join(folder, `${name}.ts`), types)
    }
    const files = ['read.ts']
    for (let at = 0; at < bodies.length; at += BODIES_IN_A_FILE) {
      const some = bodies.slice(at, at + BODIES_IN_A_FILE)
      const names = [...new Set(some.map(({ type }) => type))]
      const imports = names.map((name) => `import type { ${typeNameOf(name)} } from './${name}.ts'`)
      const lines = some.map(({ type, data }) => `decoded<${typeNameOf(type)}>(${JSON.stringify(data)})`)
      files.push(`bodies-${at}.ts`)
      await writeFile(
        join(folder, files.at(-1)!),
        [`import { decoded } from './read.ts'`, ...imports, ...lines].join('\n'),
      )
    }
    const wrong = `import { decoded } from './read.ts'\nimport type { CallEnded } from './call.ended.ts'\ndecoded<CallEnded>({ call_id: 7 })\n`
    await writeFile(join(folder, 'wrong.ts'), wrong)

    const check = async (...names: string[]) =>
      run(
        process.execPath,
        [
          await realpath(TSC),
          ...['--noEmit', '--strict', '--target', 'es2024', '--module', 'nodenext', '--allowImportingTsExtensions'],
          ...names,
        ],
        { cwd: folder },
      )
    await check(...files)
    await expect(check('wrong.ts')).rejects.toThrow(/number' is not assignable to type 'string'/)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}, 180_000)

/** `call.ended` as CallEnded, which is how the generator names what a title holds. */
function typeNameOf(name: string): string {
  return name.replace(/(^|[._])([a-z])/g, (_, __, letter: string) => letter.toUpperCase())
}
