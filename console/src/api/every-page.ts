// Lists that a page needs whole, such as the endpoints of a filter. The API gives at most a hundred at a time.

import { useEffect, useMemo, useState } from 'react'
import type { TypedDocumentString } from '../gql/graphql.ts'
import { fetchQuery, type QueryState, useApiQuery } from './client.ts'
import { asFault, type Fault } from './faults.ts'

type Connection<Node> = {
  readonly nodes: readonly Node[]
  readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor?: string | null }
}

type EveryPage<Data, Node> = QueryState<Data> & {
  /** What was read until now; undefined before the first answer. */
  readonly nodes: readonly Node[] | undefined
  /** Whether the pages after the first are read, too. */
  readonly isWhole: boolean
}

/** Reads a list to its end. The document takes the cursor as `$after`, and reads `pageInfo` with `hasNextPage` and `endCursor`. */
export function useEveryPage<Data, Variables extends object, Node extends { readonly id: string }>(
  document: TypedDocumentString<Data, Variables & { after?: string | null | undefined }>,
  variables: Variables,
  pick: (data: Data) => Connection<Node> | null | undefined,
  options: { pause?: boolean } = {},
): EveryPage<Data, Node> {
  const first = useApiQuery(document, variables, options)
  const { data } = first
  const key = JSON.stringify(variables)
  const [rest, setRest] = useState<{ key: string; nodes: readonly Node[]; fault: Fault | null } | null>(null)
  // biome-ignore lint/correctness/useExhaustiveDependencies: the pages after each answer of the first, which `data` is
  useEffect(() => {
    const next = data && cursorAfter(pick(data))
    if (!next) {
      setRest(null)
      return
    }
    let isLeft = false
    const keep = (nodes: readonly Node[], fault: Fault | null) => {
      if (!isLeft) setRest({ key, nodes, fault })
    }
    const nodes: Node[] = []
    const read = async (after: string | null) => {
      while (after !== null && !isLeft) {
        const page = pick(await fetchQuery(document, { ...variables, after }))
        nodes.push(...(page?.nodes ?? []))
        after = cursorAfter(page)
      }
      keep(nodes, null)
    }
    read(next).catch((error: unknown) => keep(nodes, asFault(error)))
    return () => {
      isLeft = true
    }
  }, [data])
  const others = rest?.key === key ? rest : null
  const page = data && pick(data)
  const nodes = useMemo(() => page && joined(page.nodes, others?.nodes ?? []), [page, others])
  return {
    ...first,
    nodes: nodes ?? (data ? [] : undefined),
    fault: first.fault ?? others?.fault ?? null,
    isWhole: data !== undefined && (cursorAfter(page) === null || others !== null),
  }
}

function cursorAfter(page: Connection<unknown> | null | undefined): string | null {
  return page?.pageInfo.hasNextPage ? (page.pageInfo.endCursor ?? null) : null
}

/** A row that moved to another page between two reads comes once. */
function joined<Node extends { readonly id: string }>(first: readonly Node[], rest: readonly Node[]): readonly Node[] {
  if (rest.length === 0) return first
  const known = new Set(first.map(({ id }) => id))
  return [...first, ...rest.filter(({ id }) => !known.has(id))]
}
