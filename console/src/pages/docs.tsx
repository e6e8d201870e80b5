import { getRouteApi, Link } from '@tanstack/react-router'
import { useEffect, useState } from 'react'
import { type ListedPage, useListedPages, usePageText } from '../components/docs/documents.ts'
import { Markdown } from '../components/docs/markdown.tsx'
import { Button } from '../ui/button.tsx'
import { classes } from '../ui/classes.ts'
import { TextInput } from '../ui/field.tsx'
import { Page } from '../ui/page.tsx'
import { LoadingRows, Notice } from '../ui/states.tsx'

const route = getRouteApi('/docs')
const FIRST = 'docs/README.md'

export function DocsPage() {
  const { page = FIRST, section } = route.useSearch()
  const listed = useListedPages()
  const [words, setWords] = useState('')
  const pages = listed.state === 'loaded' ? listed.value : []
  const title = pages.find(({ path }) => path === page)?.title
  return (
    <Page
      isFull
      title="Docs"
      windowTitle={title ? `${title} · Docs` : 'Docs'}
      lead={
        <>
          The documentation of this version. Programs read{' '}
          <a href="/llms.txt" className="text-link underline">
            /llms.txt
          </a>{' '}
          and{' '}
          <a href={`/${page}`} className="text-link underline">
            this page as Markdown
          </a>
          .
        </>
      }
    >
      <div className="grid min-h-0 flex-1 gap-4 md:grid-cols-[260px_minmax(0,1fr)]">
        <nav aria-label="Documentation" className="flex min-h-0 flex-col gap-3 overflow-y-auto max-md:max-h-48">
          <div className="shrink-0">
            <TextInput
              aria-label="Search the headings"
              placeholder="Title or heading"
              value={words}
              onChange={(event) => setWords(event.target.value)}
            />
          </div>
          <Contents pages={pages} words={words} chosen={page} />
        </nav>
        <Text key={page} path={page} section={section} pages={pages} />
      </div>
    </Page>
  )
}

function Contents({ pages, words, chosen }: { pages: readonly ListedPage[]; words: string; chosen: string }) {
  const wanted = words.trim().toLowerCase()
  const found = pages.filter(({ title, sections }) =>
    [title, ...sections].some((heading) => heading.toLowerCase().includes(wanted)),
  )
  if (pages.length > 0 && found.length === 0) return <p className="px-2 text-ink-3">No heading has these words.</p>
  return [...Map.groupBy(found, ({ group }) => group)].map(([group, members]) => (
    <section key={group}>
      <h2 className="px-2 pb-1 text-xs font-semibold text-ink-3">{group}</h2>
      <ul>
        {members.map(({ path, title }) => (
          <li key={path}>
            <Link
              to="/docs"
              search={{ page: path }}
              aria-current={path === chosen ? 'page' : undefined}
              className={classes(
                'block rounded-md px-2 py-1 hover:bg-hover',
                path === chosen && 'bg-selected font-semibold',
              )}
            >
              {title}
            </Link>
          </li>
        ))}
      </ul>
    </section>
  ))
}

type TextProps = { path: string; section: string | undefined; pages: readonly ListedPage[] }

function Text({ path, section, pages }: TextProps) {
  const text = usePageText(path)
  const isShown = text.state === 'loaded' && pages.length > 0
  useEffect(() => {
    if (isShown && section) document.getElementById(section)?.scrollIntoView()
  }, [isShown, section])
  if (text.state === 'failed')
    return (
      <Notice tone="bad" action={<Button onClick={text.retry}>Try again</Button>}>
        There is no page {path} here, or the gateway cannot be reached.
      </Notice>
    )
  if (text.state === 'loading' || !isShown) return <LoadingRows />
  return (
    <article
      // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
      tabIndex={0}
      aria-label={pages.find((page) => page.path === path)?.title ?? path}
      className="min-h-0 overflow-y-auto rounded-lg border border-line bg-surface p-6"
    >
      <Markdown text={text.value} path={path} has={(wanted) => pages.some((page) => page.path === wanted)} />
    </article>
  )
}
