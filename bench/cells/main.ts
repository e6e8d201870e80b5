// `node bench/cells/main.ts`: simulates cells, writes the table of docs/cells.md and draws docs/pictures/cells.svg.

import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { drawWeek, tableOf, WORLD, withTable } from './report.ts'
import { simulate } from './simulation.ts'

const ROOT = join(import.meta.dirname, '../..')
const page = join(ROOT, 'docs/cells.md')
const table = tableOf()
writeFileSync(page, withTable(readFileSync(page, 'utf8'), table))
writeFileSync(join(ROOT, 'docs/pictures/cells.svg'), drawWeek(simulate(WORLD, 8)))
process.stdout.write(table)
