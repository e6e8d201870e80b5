import type { ReactNode } from 'react'
import { classes } from './classes.ts'
import { CopyButton } from './copy-button.tsx'

type CodeProps = { text: string; label: string; actions?: ReactNode; className?: string; isJson?: boolean }

/** A text with a copy button. JSON is coloured. */
export function Code({ text, label, actions, className, isJson = false }: CodeProps) {
  return (
    <div className={classes('relative rounded-md border border-line bg-sunken', className)}>
      <div className="absolute top-1 right-1 flex gap-1 rounded bg-sunken">
        {actions}
        <CopyButton text={text} label={`Copy ${label}`} />
      </div>
      <section
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
        tabIndex={0}
        aria-label={label}
        className="max-h-[60vh] overflow-auto rounded-md"
      >
        <pre className="p-3 pr-12 font-mono text-xs leading-5 whitespace-pre-wrap [overflow-wrap:anywhere]">
          {isJson ? colourJson(text) : text}
        </pre>
      </section>
    </div>
  )
}

/** A value as indented JSON. */
export function Json({ value, label }: { value: unknown; label: string }) {
  return <Code text={JSON.stringify(value, null, 2) ?? 'null'} label={label} isJson />
}

const TOKEN = /("(?:\\.|[^"\\])*")(\s*:)?|\b(?:true|false|null)\b|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g
const MOST_COLOURED = 60_000

function colourJson(text: string): ReactNode {
  if (text.length > MOST_COLOURED) return text
  const parts: ReactNode[] = []
  let end = 0
  for (const match of text.matchAll(TOKEN)) {
    if (match.index > end) parts.push(text.slice(end, match.index))
    const [whole, string, colon] = match
    const colour = string ? (colon ? 'text-link' : 'text-good') : 'text-warn'
    parts.push(
      <span key={match.index} className={colour}>
        {string ?? whole}
      </span>,
    )
    if (colon) parts.push(colon)
    end = match.index + whole.length
  }
  parts.push(text.slice(end))
  return parts
}
