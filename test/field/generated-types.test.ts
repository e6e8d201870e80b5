// Receivers in Go and Python, with types that generators make of the published schemas. They read every body that was
// delivered: the examples, the field cases, what the adapters make, what the catalogue took before. TypeScript does so in
// npm test.

import { copyFile, mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { EVENT_TYPES } from '../../src/domain/event-types/catalogue.ts'
import { type DeliveredBody, deliverEverything } from '../field-cases/delivered.ts'
import { has, run, workFolder } from './programs.ts'

const SOURCES = join(import.meta.dirname, 'types')
const GO_GENERATOR = 'github.com/atombender/go-jsonschema@v0.24.1'

let bodies: DeliveredBody[]
beforeAll(async () => {
  bodies = await deliverEverything()
})

const input = () => `${bodies.map(({ text }) => text).join('\n')}\n`
const counts = () => {
  const byType: Record<string, number> = {}
  for (const { type } of bodies) byType[type] = (byType[type] ?? 0) + 1
  return byType
}
const broken = () => input().replace('"call_id":"', '"call_id":7,"was":"')

test('there are bodies of every type', () => {
  expect(bodies.length).toBeGreaterThan(1_600)
  expect(Object.keys(counts()).sort()).toEqual(EVENT_TYPES.map(({ name }) => name).sort())
})

describe.skipIf(!has('go'))('a Go receiver with types of go-jsonschema', () => {
  let program: string
  beforeAll(async () => {
    const folder = await workFolder('go-types')
    const env = { GOBIN: join(folder, 'bin'), GOFLAGS: '-buildvcs=false' }
    await run('go', ['install', GO_GENERATOR], { env })
    const events = join(folder, 'receiver/events')
    await rm(join(folder, 'receiver'), { recursive: true, force: true })
    await mkdir(events, { recursive: true })
    for (const { name, jsonSchema } of EVENT_TYPES) {
      const schema = join(events, `${name.replaceAll('.', '_')}.json`)
      await writeFile(schema, JSON.stringify(jsonSchema))
      const out = schema.replace(/json$/, 'go')
      await run(join(folder, 'bin/go-jsonschema'), ['--package', 'events', '--output', out, schema])
    }
    await copyFile(join(SOURCES, 'main.go'), join(folder, 'receiver/main.go'))
    const cwd = join(folder, 'receiver')
    await run('go', ['mod', 'init', 'example.com/receiver'], { cwd, env })
    await run('go', ['mod', 'tidy'], { cwd, env })
    program = join(folder, 'receive')
    await run('go', ['build', '-o', program, '.'], { cwd, env })
  })

  test('decodes every delivered body', async () => {
    const { stdout } = await run(program, [], { input: input() })
    expect(JSON.parse(stdout)).toEqual(counts())
  })

  test('would not decode one of another type', async () => {
    await expect(run(program, [], { input: broken() })).rejects.toThrow(/cannot unmarshal number/)
  })
})

describe.skipIf(!has('python3'))('a Python receiver with types of datamodel-code-generator', () => {
  let python: string
  let models: string
  beforeAll(async () => {
    const folder = await workFolder('python-types')
    python = join(folder, 'bin/python')
    await run('python3', ['-m', 'venv', folder])
    await run(python, ['-m', 'pip', 'install', '--quiet', '--requirement', join(SOURCES, 'requirements.txt')])
    models = join(folder, 'models')
    await mkdir(models, { recursive: true })
    for (const { name, jsonSchema } of EVENT_TYPES) {
      const schema = join(models, `${name.replaceAll('.', '_')}.json`)
      await writeFile(schema, JSON.stringify(jsonSchema))
      await run(join(folder, 'bin/datamodel-codegen'), [
        ...['--input', schema, '--input-file-type', 'jsonschema', '--output', schema.replace(/json$/, 'py')],
        ...['--output-model-type', 'pydantic_v2.BaseModel', '--class-name', 'Data'],
      ])
    }
  })

  test('decodes every delivered body', async () => {
    const { stdout } = await run(python, [join(SOURCES, 'decode.py'), models], { input: input() })
    expect(JSON.parse(stdout)).toEqual(counts())
  })

  test('would not decode one of another type', async () => {
    const wrong = run(python, [join(SOURCES, 'decode.py'), models], { input: broken() })
    await expect(wrong).rejects.toThrow(/call_id/)
  })
})
