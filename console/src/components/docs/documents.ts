// The pages of the documentation, as the gateway serves them beside the console.

import { useEffect, useState } from 'react'

/** `path`: of the page in the repository and at the gateway, such as docs/errors.md. */
export type ListedPage = {
  readonly path: string
  readonly title: string
  readonly group: string
  readonly sections: readonly string[]
}

export type Loaded<T> =
  | { readonly state: 'loading' }
  | { readonly state: 'failed' }
  | { readonly state: 'loaded'; value: T }

const asJson = (response: Response) => response.json() as Promise<ListedPage[]>
const asText = (response: Response) => response.text()

export const useListedPages = () => useFile('docs/index.json', asJson)
export const usePageText = (path: string) => useFile(path, asText)

function useFile<T>(path: string, read: (response: Response) => Promise<T>): Loaded<T> & { retry(): void } {
  const [loaded, setLoaded] = useState<{ path: string; result: Loaded<T> }>({ path, result: { state: 'loading' } })
  const [tries, setTries] = useState(0)
  // biome-ignore lint/correctness/useExhaustiveDependencies: another try reads again
  useEffect(() => {
    const leaving = new AbortController()
    const load = async (): Promise<Loaded<T>> => {
      const response = await fetch(`/${path}`, { signal: leaving.signal })
      return response.ok ? { state: 'loaded', value: await read(response) } : { state: 'failed' }
    }
    load()
      .catch((): Loaded<T> => ({ state: 'failed' }))
      .then((result) => !leaving.signal.aborted && setLoaded({ path, result }))
    return () => leaving.abort()
  }, [path, read, tries])
  const retry = () => {
    setLoaded({ path, result: { state: 'loading' } })
    setTries((before) => before + 1)
  }
  // What belongs to the page before is not shown under the name of the next.
  return { ...(loaded.path === path ? loaded.result : { state: 'loading' }), retry }
}

/** The id of a heading, as links between pages write it. */
export function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-')
}
