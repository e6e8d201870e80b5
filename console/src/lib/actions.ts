// Mutations for pages. A refusal of the API is data, with a path for each issue; other errors are shown in a toast. A page
// handles two cases: the mutation succeeded, or it shows issues beside fields.

import { useCallback, useRef, useState } from 'react'
import { graphql, mutate } from '../api/client.ts'
import { asFault } from '../api/faults.ts'
import type { RefusalFragment, TypedDocumentString } from '../gql/graphql.ts'
import { toast } from '../ui/toast.tsx'

graphql(`
  fragment Refusal on Error {
    code
    message
    path
    ... on ValidationError {
      issues {
        path
        message
      }
    }
  }
`)

export type Refusal = RefusalFragment

/** The success member of a mutation's result. */
export type Done<Result> = Exclude<Result, { code: unknown; message: unknown }>

export type Action<Result, Variables> = {
  /** Resolves with the success, or with null; then `refusal` or a toast says why. */
  run(variables: Variables): Promise<Done<Result> | null>
  readonly isBusy: boolean
  readonly refusal: Refusal | null
  /** Drops the issues of these fields, because their values changed. Without fields: the whole refusal. */
  forget(...places: readonly string[]): void
}

type Options = {
  /** Whether the form shows a refusal itself. Otherwise a toast shows it. */
  showsRefusal?: boolean
}

/** `pick` returns the result of the mutation from the reply. */
export function useAction<Data, Variables, Result extends object>(
  document: TypedDocumentString<Data, Variables>,
  pick: (data: Data) => Result,
  { showsRefusal = false }: Options = {},
): Action<Result, Variables> {
  const [isBusy, setBusy] = useState(false)
  const [refusal, setRefusal] = useState<Refusal | null>(null)
  // What the last try said is over with the next one.
  const closeLast = useRef<() => void>(undefined)
  const tell = (title: string) => {
    closeLast.current = toast({ tone: 'bad', title })
  }
  const run = async (variables: Variables): Promise<Done<Result> | null> => {
    closeLast.current?.()
    setBusy(true)
    setRefusal(null)
    try {
      const result = pick(await mutate(document, variables))
      if (!isRefusal(result)) return result as Done<Result>
      setRefusal(result)
      if (!showsRefusal) tell(sentencesOf(result).join(' '))
      return null
    } catch (error) {
      const { title, detail } = asFault(error)
      tell(`${title}. ${detail}`)
      return null
    } finally {
      setBusy(false)
    }
  }
  const forget = useCallback(
    (...places: readonly string[]) => setRefusal((before) => before && withoutIssuesAt(before, places)),
    [],
  )
  return { run, isBusy, refusal, forget }
}

function withoutIssuesAt(refusal: Refusal, places: readonly string[]): Refusal | null {
  if (places.length === 0) return null
  const isLeft = (path: readonly string[]) => !places.some((place) => isWithin(path.join('.'), place))
  const issues = 'issues' in refusal ? refusal.issues : []
  if (issues.length === 0) return isLeft(refusal.path ?? []) ? refusal : null
  const left = issues.filter(({ path }) => isLeft(path))
  return left.length > 0 ? { ...refusal, issues: left } : null
}

/** Every issue as a sentence. */
export function sentencesOf(refusal: Refusal): string[] {
  const issues = 'issues' in refusal ? refusal.issues.map(({ message }) => message) : []
  return (issues.length > 0 ? issues : [refusal.message]).map(asSentence)
}

/** Every issue with its path in the input, such as "data.direction: is required". */
export function placedSentencesOf(refusal: Refusal): string[] {
  return issuesOf(refusal).map(({ path, message }) => {
    const place = path.replace(/^input\./, '')
    return place === '' ? asSentence(message) : `${place}: ${message}`
  })
}

/** The issues of one path of the input, such as `headers.0.name`, and of paths below it. */
export function issueAt(refusal: Refusal | null, place: string): string | null {
  if (!refusal) return null
  const found = issuesOf(refusal).filter(({ path }) => isWithin(path, place))
  return found.length > 0 ? found.map(({ message }) => asSentence(message)).join(' ') : null
}

/** The issues that belong to none of these paths. */
export function issuesElsewhere(refusal: Refusal | null, places: readonly string[]): string[] {
  if (!refusal) return []
  return issuesOf(refusal)
    .filter(({ path }) => !places.some((place) => isWithin(path, place)))
    .map(({ message }) => asSentence(message))
}

function issuesOf(refusal: Refusal): { path: string; message: string }[] {
  const issues = 'issues' in refusal ? refusal.issues : []
  if (issues.length > 0) return issues.map(({ path, message }) => ({ path: path.join('.'), message }))
  return [{ path: (refusal.path ?? []).join('.'), message: refusal.message }]
}

function isRefusal(result: object): result is Refusal {
  return 'code' in result && 'message' in result
}

/** Whether a path of an issue is that of a field of the input, or below it. */
function isWithin(path: string, place: string): boolean {
  return path === `input.${place}` || path.startsWith(`input.${place}.`)
}

export function asSentence(message: string): string {
  const text = message.charAt(0).toUpperCase() + message.slice(1)
  return /[.!?]$/.test(text) ? text : `${text}.`
}
