// Cells: installations of the gateway with a Postgres of their own, among which tenants are spread. A request with the key of
// another cell is refused with the name of that cell, and its address where the settings have it.

/** A pattern. Without `_`, which ends the name in a token. */
export const CELL_NAME = '[a-z][a-z0-9]{0,15}'

const WHOLE_NAME = new RegExp(`^${CELL_NAME}$`)

export function isCellName(text: string): boolean {
  return WHOLE_NAME.test(text)
}

/** Reads `eu1=https://eu1.example.com,us1=https://us1.example.com`. `readUrl` reads one address; undefined: it is none. */
export function parseCellUrls(
  text: string,
  readUrl: (text: string) => string | undefined,
): ReadonlyMap<string, string> | undefined {
  const urls = new Map<string, string>()
  for (const pair of text === '' ? [] : text.split(',')) {
    const at = pair.indexOf('=')
    const name = pair.slice(0, Math.max(at, 0)).trim()
    const url = readUrl(pair.slice(at + 1).trim())
    if (!isCellName(name) || url === undefined || urls.has(name)) return undefined
    urls.set(name, url)
  }
  return urls
}

export type Cells = { readonly cell: string | null; readonly cellUrls: ReadonlyMap<string, string> }

/** Why this cell does not answer what belongs to another one, and where to go. `what`: such as `this key`. */
export function describeOtherCell(what: string, other: string, { cell, cellUrls }: Cells): string {
  const url = cellUrls.get(other)
  const here = cell === null ? 'this gateway, which is no cell' : `the cell ${cell}`
  return `Expected in ${here} what belongs to it, but ${what} belongs to the cell ${other}: ${
    url === undefined ? 'send the request to that cell' : `send the request to ${url}`
  }.`
}
