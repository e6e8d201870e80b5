// Prints the schema to schema.graphql, which is committed so that a change of the API is a diff. With --check nothing is
// written: it fails when the file is not what the code says.

import { readFileSync, writeFileSync } from 'node:fs'
import { lexicographicSortSchema, printSchema } from 'graphql'
import { schema } from '../src/schema/index.ts'

const FILE = new URL('../schema.graphql', import.meta.url)

const printed = `${printSchema(lexicographicSortSchema(schema))}\n`
if (!process.argv.includes('--check')) {
  writeFileSync(FILE, printed)
} else {
  const difference = firstDifference(readFileSync(FILE, 'utf8'), printed)
  if (difference) {
    console.error(`schema.graphql is not what src/schema says: ${difference} Run npm run generate and commit the file.`)
    process.exitCode = 1
  }
}

function firstDifference(committed: string, now: string): string | null {
  if (committed === now) return null
  const [before, after] = [committed.split('\n'), now.split('\n')]
  const at = after.findIndex((line, index) => line !== before[index])
  const line = at < 0 ? after.length : at
  return `line ${line + 1} is ${JSON.stringify(before[line] ?? '')}, expected ${JSON.stringify(after[line] ?? '')}.`
}
