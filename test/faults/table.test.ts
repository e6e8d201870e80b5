import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'

const ROOT = join(import.meta.dirname, '../..')

test('every row of docs/faults.md names tests that exist', async () => {
  const rows = (await readFile(join(ROOT, 'docs/faults.md'), 'utf8'))
    .split('\n')
    .filter((line) => /^\| F\d+ /.test(line))
  expect(rows.map((row) => row.split('|')[1]!.trim())).toEqual(Array.from({ length: 28 }, (_, i) => `F${i + 1}`))
  const missing: string[] = []
  for (const row of rows) {
    const shownBy = row.split('|')[4]!
    expect(shownBy, row).toMatch(/`[^`]+`: “/)
    for (const [, path, titles] of shownBy.matchAll(/`([^`]+)`: ((?:“[^”]+”(?: · )?)+)/g)) {
      const text = await readFile(join(ROOT, path!), 'utf8').catch(() => '')
      for (const [, title] of titles!.matchAll(/“([^”]+)”/g))
        if (!text.includes(title!)) missing.push(`${path}: ${title}`)
    }
  }
  expect(missing).toEqual([])
})
