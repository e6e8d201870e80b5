// Prints the schema to schema.graphql, which is committed so that a change of the API is a diff, and to docs/reference.md. With --released, as the last
// step before a release, prints it to schema.released.graphql too: later versions may only add to that one.

import { readFileSync, writeFileSync } from 'node:fs'
import { lexicographicSortSchema, printSchema } from 'graphql'
import { schema } from '../src/schema/index.ts'
import { renderReference } from './render-reference.ts'

const at = (path: string) => new URL(`../${path}`, import.meta.url)
const printed = `${printSchema(lexicographicSortSchema(schema))}\n`

writeFileSync(at('schema.graphql'), printed)
writeFileSync(at('docs/reference.md'), renderReference(schema))
if (process.argv.includes('--released')) {
  const { version } = JSON.parse(readFileSync(at('package.json'), 'utf8')) as { version: string }
  writeFileSync(at('schema.released.graphql'), `# The schema of release ${version}\n\n${printed}`)
}
