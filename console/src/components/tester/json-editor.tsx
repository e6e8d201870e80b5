// An editor for the data of an event. It checks the text against the schema of the type while a person types, and offers
// the names and values that the schema allows.

import { autocompletion, type CompletionContext, type CompletionResult } from '@codemirror/autocomplete'
import { json } from '@codemirror/lang-json'
import { syntaxTree } from '@codemirror/language'
import { type Diagnostic, linter, lintGutter } from '@codemirror/lint'
import type { EditorState } from '@codemirror/state'
import type { EditorView } from '@codemirror/view'
import { useMemo } from 'react'
import {
  describeKind,
  type JsonSchema,
  type Mismatch,
  mismatches,
  schemaAt,
  unknownWords,
} from '../../lib/json-schema.ts'
import { CodeEditor } from '../../ui/code-editor.tsx'

type Node = ReturnType<typeof syntaxTree>['topNode']
type Path = (string | number)[]

type EditorProps = {
  value: string
  onChange(value: string): void
  label: string
  /** null for any JSON. */
  schema: JsonSchema | null
  onSubmit?: () => void
  className?: string
}

export function JsonEditor({ schema, ...rest }: EditorProps) {
  const extensions = useMemo(
    () => [
      json(),
      lintGutter(),
      linter((view) => lintJson(view, schema), { delay: 250 }),
      ...(schema ? [autocompletion({ override: [(context) => complete(context, schema)] })] : []),
    ],
    [schema],
  )
  return <CodeEditor {...rest} extensions={extensions} />
}

function lintJson({ state }: EditorView, schema: JsonSchema | null): Diagnostic[] {
  const text = state.doc.toString()
  if (text.trim() === '') return []
  try {
    const value: unknown = JSON.parse(text)
    if (!schema) return []
    const placed = (severity: Diagnostic['severity']) => (mismatch: Mismatch) => ({
      ...placeOf(state, mismatch.path),
      severity,
      message: mismatch.message,
    })
    const wrong = mismatches(schema, value)
    const wrongPaths = new Set(wrong.map(({ path }) => path.join('\0')))
    const odd = unknownWords(schema, value).filter(({ path }) => !wrongPaths.has(path.join('\0')))
    return [...wrong.map(placed('error')), ...odd.map(placed('warning'))]
  } catch (error) {
    const at = Math.min(Number(/position (\d+)/.exec(String(error))?.[1] ?? text.length), text.length)
    return [
      { from: Math.max(0, at - 1), to: at, severity: 'error', message: String(error).replace('SyntaxError: ', '') },
    ]
  }
}

/** The position of a path's value in the text; the start of the text if the path is not found. */
function placeOf(state: EditorState, path: readonly (string | number)[]): { from: number; to: number } {
  let node: Node | null = syntaxTree(state).topNode.firstChild
  for (const step of path) {
    if (!node) break
    if (typeof step === 'number') node = valuesOf(node)[step] ?? null
    else {
      const property: Node | undefined = node.getChildren('Property').find((one) => nameOf(state, one) === step)
      node = property?.lastChild ?? null
    }
  }
  if (!node) return { from: 0, to: Math.min(1, state.doc.length) }
  // Underline only the opening brace of an object: a whole underlined object says little.
  return /^(Object|Array)$/.test(node.name) ? { from: node.from, to: node.from + 1 } : { from: node.from, to: node.to }
}

function valuesOf(array: Node): Node[] {
  const found: Node[] = []
  for (let child = array.firstChild; child; child = child.nextSibling)
    if (!/^[[\],]$/.test(child.name)) found.push(child)
  return found
}

function nameOf(state: EditorState, property: Node): string | null {
  const name = property.getChild('PropertyName')
  if (!name) return null
  try {
    return JSON.parse(state.sliceDoc(name.from, name.to)) as string
  } catch {
    return null
  }
}

function pathTo(state: EditorState, node: Node | null): Path {
  const path: Path = []
  for (let at = node; at; at = at.parent) {
    if (at.name === 'Property') {
      const name = nameOf(state, at)
      if (name !== null) path.unshift(name)
    } else if (at.parent?.name === 'Array') {
      const self = at
      path.unshift(valuesOf(at.parent).findIndex(({ from }) => from === self.from))
    }
  }
  return path
}

function complete(context: CompletionContext, schema: JsonSchema): CompletionResult | null {
  const { state, pos } = context
  const node: Node = syntaxTree(state).resolveInner(pos, -1)
  const word = context.matchBefore(/"[\w]*/)
  if (!word && !context.explicit) return null
  const from = word?.from ?? pos
  // The editor has already inserted the closing quote.
  const to = state.sliceDoc(pos, pos + 1) === '"' ? pos + 1 : pos
  const holder = node.name === 'Object' ? node : node.parent
  const isName =
    node.name === 'PropertyName' || node.name === 'Object' || (node.name === '⚠' && holder?.name === 'Object')
  if (isName) {
    const object = node.name === 'Object' ? node : node.parent?.name === 'Property' ? node.parent.parent : node.parent
    const found = schemaAt(schema, pathTo(state, object))
    const taken = new Set(object?.getChildren('Property').map((one) => nameOf(state, one)))
    const hasColon = /^\s*:/.test(state.sliceDoc(to, to + 10))
    const options = Object.entries(found?.properties ?? {})
      .filter(([name]) => !taken.has(name) || node.name === 'PropertyName')
      .map(([name, field]) => ({
        label: JSON.stringify(name),
        apply: JSON.stringify(name) + (hasColon ? '' : ': '),
        detail: describeKind(field),
        ...(field.description ? { info: field.description } : {}),
      }))
    return { from, to, options, filter: true }
  }
  const found = schemaAt(schema, pathTo(state, node.name === 'Property' || node.name === 'String' ? node : holder))
  const options = (found?.enum ?? found?.examples ?? []).map((one) => ({ label: JSON.stringify(one) }))
  return options.length > 0 ? { from, to, options } : null
}
