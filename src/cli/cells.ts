// npm run cells -- map: what an installation of many cells needs beside the gateway. Exit codes: 0 done; 64 for arguments it
// does not know.

import { isCellName } from '../domain/cell.ts'
import { linesOfCells } from '../domain/cell-map.ts'

const EXIT_USAGE = 64
const USAGE = `npm run --silent cells -- map NAME…      prints cells.map for deploy/haproxy-cells.cfg, such as: map eu1 us1
`

class UsageError extends Error {}

try {
  main(process.argv.slice(2))
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n`)
  process.exitCode = error instanceof UsageError ? EXIT_USAGE : 1
}

function main([command, ...args]: string[]): void {
  if (command === 'map') printMap(args)
  else
    throw new UsageError(
      `Expected the command map, got ${command === undefined ? 'nothing' : JSON.stringify(command)}.\n${USAGE}`,
    )
}

function printMap(names: string[]): void {
  const wrong = names.filter((name) => !isCellName(name))
  if (names.length === 0 || wrong.length > 0 || new Set(names).size < names.length)
    throw new UsageError(
      `Expected different names of cells, each of 1 to 16 characters a-z and 0-9 that begins with a letter, got ${
        names.length === 0 ? 'none' : names.map((name) => JSON.stringify(name)).join(', ')
      }.\n${USAGE}`,
    )
  process.stdout.write(`${linesOfCells(names).join('\n')}\n`)
}
