// A page of the documentation, from its Markdown. Only what the pages use is drawn; HTML in them is left out.

import { Link } from '@tanstack/react-router'
import { lexer, type Token, type Tokens } from 'marked'
import { Fragment, type ReactNode, useMemo } from 'react'
import { classes } from '../../ui/classes.ts'
import { Code } from '../../ui/code.tsx'
import { anchorOf } from './documents.ts'

type MarkdownProps = {
  readonly text: string
  /** The path of the page, which relative links start from. */
  readonly path: string
  /** Whether there is a page at a path. */
  readonly has: (path: string) => boolean
}

export function Markdown({ text, path, has }: MarkdownProps) {
  const tokens = useMemo(() => lexer(text), [text])
  return <div className="flex flex-col gap-3">{each(tokens, (token) => block(token, { path, has }))}</div>
}

type Place = Pick<MarkdownProps, 'path' | 'has'>

/** Draws the parts of a text, which never change their places. */
const each = <T,>(items: readonly T[], draw: (item: T) => ReactNode): ReactNode[] =>
  // biome-ignore lint/suspicious/noArrayIndexKey: see above
  items.map((item, at) => <Fragment key={at}>{draw(item)}</Fragment>)

const HEADINGS = [
  '',
  'text-xl font-semibold',
  'mt-4 text-lg font-semibold',
  'mt-3 text-base font-semibold',
  'mt-2 font-semibold',
]

function block(token: Token, place: Place): ReactNode {
  switch (token.type) {
    case 'heading': {
      const { depth, text, tokens } = token as Tokens.Heading
      // The title of the console's page is the first of all.
      const Heading = `h${Math.min(depth + 1, 5)}` as 'h2'
      return (
        <Heading id={anchorOf(text)} className={classes('scroll-mt-4', HEADINGS[Math.min(depth, 4)])}>
          {inline(tokens, place)}
        </Heading>
      )
    }
    case 'paragraph':
      return <p className="max-w-[80ch]">{inline((token as Tokens.Paragraph).tokens, place)}</p>
    case 'text':
      return inline((token as Tokens.Text).tokens ?? [token], place)
    case 'list':
      return <List list={token as Tokens.List} place={place} />
    case 'code': {
      const { text, lang } = token as Tokens.Code
      const name = /file=(\S+)/.exec(lang ?? '')?.[1] ?? 'code'
      return <Code text={text} label={name} isJson={lang === 'json'} />
    }
    case 'blockquote':
      return (
        <blockquote className="border-l-2 border-line pl-3 text-ink-2">
          {each((token as Tokens.Blockquote).tokens, (inner) => block(inner, place))}
        </blockquote>
      )
    case 'table':
      return <Table table={token as Tokens.Table} place={place} />
    case 'hr':
      return <hr className="border-line" />
    default:
      return null
  }
}

function List({ list, place }: { list: Tokens.List; place: Place }) {
  const Kind = list.ordered ? 'ol' : 'ul'
  return (
    <Kind
      start={list.ordered && list.start !== '' ? list.start : undefined}
      className={classes('ml-5 flex max-w-[80ch] flex-col gap-1', list.ordered ? 'list-decimal' : 'list-disc')}
    >
      {each(list.items, ({ tokens }) => (
        <li>{each(tokens, (token) => block(token, place))}</li>
      ))}
    </Kind>
  )
}

function Table({ table, place }: { table: Tokens.Table; place: Place }) {
  return (
    <div className="overflow-x-auto rounded-md border border-line">
      <table className="w-full">
        <thead>
          <tr className="bg-sunken text-left text-xs text-ink-3">
            {each(table.header, ({ tokens }) => (
              <th scope="col" className="px-3 py-1.5 font-medium">
                {tokens.length > 0 ? inline(tokens, place) : <span className="sr-only">Explanation</span>}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {each(table.rows, (row) => (
            <tr className="border-t border-line align-top">
              {each(row, ({ tokens }) => (
                <td className="min-w-24 px-3 py-1.5">{inline(tokens, place)}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}

const inline = (tokens: readonly Token[], place: Place): ReactNode => each(tokens, (token) => word(token, place))

function word(token: Token, place: Place): ReactNode {
  switch (token.type) {
    case 'text': {
      const { tokens, text } = token as Tokens.Text
      return tokens ? inline(tokens, place) : text
    }
    case 'escape':
    case 'image':
      return (token as Tokens.Escape).text
    case 'strong':
      return <strong>{inline((token as Tokens.Strong).tokens, place)}</strong>
    case 'em':
      return <em>{inline((token as Tokens.Em).tokens, place)}</em>
    case 'codespan':
      return (
        <code className="rounded bg-sunken px-1 font-mono text-xs [overflow-wrap:anywhere]">
          {(token as Tokens.Codespan).text}
        </code>
      )
    case 'link':
      return <PageLink link={token as Tokens.Link} place={place} />
    case 'br':
      return <br />
    default:
      return null
  }
}

const LINK = 'text-link underline underline-offset-2'

function PageLink({ link: { href, tokens }, place }: { link: Tokens.Link; place: Place }) {
  const words = inline(tokens, place)
  if (/^https?:/.test(href))
    return (
      <a href={href} target="_blank" rel="noreferrer" className={LINK}>
        {words}
      </a>
    )
  const { pathname, hash } = new URL(href, `http://page/${place.path}`)
  const asked = pathname.slice(1)
  // The list of a folder stands in its README.
  const page = [asked, `${asked.replace(/\/$/, '')}/README.md`].find(place.has)
  // A file of the repository that is no page: a test, a script.
  if (!page) return words
  return (
    <Link to="/docs" search={{ page, ...(hash ? { section: hash.slice(1) } : {}) }} className={LINK}>
      {words}
    </Link>
  )
}
