// The documentation as the gateway serves it beside the console: each page under its path in the repository, so that links
// between pages hold, a list of them for the console, and /llms.txt for programs.

import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'

/** `path`: in the repository, and at the gateway. The console's own type of this is in console/src/components/docs. */
type ListedPage = { readonly path: string; readonly title: string; readonly group: string; readonly sections: string[] }

const PROJECT_PAGES = ['README.md', 'GLOSSARY.md', 'CHANGELOG.md', 'CONTRIBUTING.md', 'SECURITY.md']

/** What belongs into the folder of the built console: texts by their path in it. */
async function readDocuments(root: string): Promise<Map<string, string>> {
  const read = (path: string) => readFile(join(root, path), 'utf8')
  const files = new Map<string, string>()
  for (const name of await readdir(join(root, 'docs'), { recursive: true }))
    if (name.endsWith('.md')) files.set(`docs/${name.replaceAll('\\', '/')}`, '')
  for (const path of [...PROJECT_PAGES, 'packages/verify/README.md']) files.set(path, '')
  for (const path of files.keys()) files.set(path, await read(path))
  const pages = list(files)
  const forPrograms = await read('docs/llms.txt')
  files.set('docs/llms.txt', forPrograms)
  // At the root of the gateway, where programs look, the same links lead into the folder.
  files.set('llms.txt', forPrograms.replaceAll(/\]\((?!https?:|\/)([^)]+)\)/g, '](docs/$1)'))
  files.set('docs/index.json', `${JSON.stringify(pages)}\n`)
  return files
}

/** Whether the folder of the built console has the documentation as it is now. */
export async function hasDocuments(root: string, dist: string): Promise<boolean> {
  for (const [path, text] of await readDocuments(root))
    if ((await readFile(join(dist, path), 'utf8').catch(() => null)) !== text) return false
  return true
}

/** Writes the documentation into the folder of the built console. */
export async function copyDocuments(root: string, dist: string): Promise<void> {
  const files = await readDocuments(root)
  await rm(join(dist, 'docs'), { recursive: true, force: true })
  for (const [path, text] of files) {
    await mkdir(dirname(join(dist, path)), { recursive: true })
    await writeFile(join(dist, path), text)
  }
}

/** The pages in the order in which docs/README.md names them. */
function list(files: ReadonlyMap<string, string>): ListedPage[] {
  const index = files.get('docs/README.md')!
  const placeOf = (path: string) => {
    const at = index.indexOf(`(${path.startsWith('docs/') ? path.slice('docs/'.length) : `../${path}`})`)
    return path === 'docs/README.md' ? -1 : at < 0 ? Number.POSITIVE_INFINITY : at
  }
  return [...files]
    .map(([path, text]) => {
      const headings = [...text.replaceAll(/^```[\s\S]*?^```$/gm, '').matchAll(/^(#+) (.+)$/gm)]
      const [title, ...sections] = headings.map(([, , heading]) => heading!.replaceAll(/[`*]/g, ''))
      return { path, title: title ?? path, group: groupOf(path), sections }
    })
    .sort((a, b) => placeOf(a.path) - placeOf(b.path) || (a.path < b.path ? -1 : 1))
}

function groupOf(path: string): string {
  if (path.startsWith('docs/decisions/')) return 'Decisions'
  if (path.startsWith('docs/adapters/')) return 'Adapters'
  if (path.startsWith('docs/receivers/') || path.startsWith('packages/')) return 'Receivers'
  return path.startsWith('docs/') ? 'Pages' : 'Project'
}
