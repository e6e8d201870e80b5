// The code on the pages of docs/receivers. A block names its file after its language: ```python file=receiver.py. Two
// blocks with one file are variants, told apart by the word after it: ```python file=check.py library.

import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

const PAGES = join(import.meta.dirname, '../../docs/receivers')
/** The page of the repository itself; its path from PAGES. */
export const README = '../../README.md'

type Block = { file: string; variant: string; code: string }

async function blocksOf(page: string): Promise<Block[]> {
  const text = await readFile(join(PAGES, page), 'utf8')
  const blocks = [...text.matchAll(/^```\w+ file=(\S+)(?: (\w+))?\n([\s\S]*?)^```$/gm)]
  return blocks.map(([, file, variant = '', code]) => ({ file: file!, variant, code: code! }))
}

/** Writes the page's files into `folder`: of a file with variants the named one, else the one without a name. */
export async function writePage(page: string, folder: string, ...variants: string[]): Promise<void> {
  const blocks = await blocksOf(page)
  for (const file of new Set(blocks.map(({ file }) => file))) {
    const candidates = blocks.filter((block) => block.file === file)
    const chosen = candidates.find(({ variant }) => variants.includes(variant)) ?? candidates[0]!
    await writeFile(join(folder, file), chosen.code)
  }
}
