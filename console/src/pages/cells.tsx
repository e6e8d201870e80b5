import { CircleCheck, CircleHelp, CircleX, Layers } from 'lucide-react'
import { graphql, useApiQuery } from '../api/client.ts'
import type { CellsPageQuery } from '../gql/graphql.ts'
import { useInterval } from '../lib/use-interval.ts'
import { useRights } from '../session/session.ts'
import { Badge } from '../ui/badge.tsx'
import { buttonClass } from '../ui/button.tsx'
import { classes } from '../ui/classes.ts'
import { Page } from '../ui/page.tsx'
import { PlainTable } from '../ui/plain-table.tsx'
import { Empty, Failed, LoadingRows, Notice } from '../ui/states.tsx'

const CELLS = graphql(`
  query CellsPage {
    cells {
      name
      url
      current
      state {
        status
        failing
        problem
        afterMs
      }
    }
  }
`)

const READ_EVERY_MS = 10_000

type Cell = CellsPageQuery['cells'][number]

export function CellsPage() {
  const { isOperator } = useRights()
  if (!isOperator)
    return <Empty title="Only operators see the cells">Your session belongs to one tenant, which is in one cell.</Empty>
  return <Cells />
}

function Cells() {
  const { data, fault, refetch } = useApiQuery(CELLS, {})
  useInterval(refetch, READ_EVERY_MS)
  return (
    <Page
      title="Cells"
      lead="Installations among which tenants are spread. Each has its own keys and sessions, so that a key that leaks opens one cell: sign in at another one with a console link of it."
    >
      {fault && !data ? (
        <Failed fault={fault} onRetry={refetch} />
      ) : !data ? (
        <LoadingRows rows={4} />
      ) : data.cells.length === 0 ? (
        <Empty icon={<Layers size={28} aria-hidden />} title="No other cells are known here">
          SIVO_CELL_URLS in the settings of this gateway names them.
        </Empty>
      ) : (
        <div className="flex flex-col gap-3">
          {fault && <Notice>The states are those of the last answer. {fault.detail}</Notice>}
          <div className="overflow-x-auto rounded-lg border border-line bg-surface">
            <PlainTable caption="Cells" headers={['Cell', 'State', 'Address', '']}>
              {data.cells.map((cell) => (
                <Row key={cell.name} cell={cell} />
              ))}
            </PlainTable>
          </div>
        </div>
      )}
    </Page>
  )
}

function Row({ cell: { name, url, current, state } }: { cell: Cell }) {
  const cell = 'h-10 border-b border-line px-3 py-1.5'
  return (
    <tr>
      <th scope="row" className={classes(cell, 'text-left font-medium')}>
        <span className="flex items-center gap-2">
          {name}
          {current && <Badge tone="idle">this cell</Badge>}
        </span>
      </th>
      <td className={cell}>
        <State {...state} />
      </td>
      <td className={classes(cell, 'font-mono text-xs [overflow-wrap:anywhere]')}>{url}</td>
      <td className={classes(cell, 'text-right max-sm:text-left')}>
        <Door name={name} url={url} isHere={current} />
      </td>
    </tr>
  )
}

function State({ status, failing, problem, afterMs }: Cell['state']) {
  if (status === 'READY')
    return (
      <Badge tone="good" icon={<CircleCheck size={12} aria-hidden />}>
        Ready
      </Badge>
    )
  if (status === 'NOT_READY')
    return (
      <span className="flex items-start gap-1.5 text-bad">
        <CircleX size={14} className="mt-0.5 shrink-0" aria-hidden />
        <span>Not ready: {failing.join('; ')}</span>
      </span>
    )
  return (
    <span className="flex items-start gap-1.5">
      <CircleHelp size={14} className="mt-0.5 shrink-0 text-bad" aria-hidden />
      <span>
        <span className="text-bad">{headlineOf(status, afterMs)}</span>
        <span className="block text-xs text-ink-2">{problem}</span>
      </span>
    </span>
  )
}

function headlineOf(status: Cell['state']['status'], afterMs: Cell['state']['afterMs']): string {
  if (status === 'NOT_ASKED') return 'Not asked: its address is refused'
  if (status === 'NO_CONNECTION') return 'No connection'
  if (status === 'OTHER_ANSWER') return 'Something else answered'
  return `No answer after ${((afterMs ?? 0) / 1_000).toFixed(1)} s`
}

/** The way to the console of a cell. Behind one address a proxy leads by the session, so a link would lead back to this one. */
function Door({ name, url, isHere }: { name: string; url: string; isHere: boolean }) {
  if (isHere) return null
  if (url === location.origin)
    return <span className="text-xs text-ink-2">At this address too: open a console link of {name}.</span>
  return (
    <a
      href={`${url}/`}
      target="_blank"
      rel="noreferrer"
      aria-label={`Open console of ${name}`}
      className={buttonClass('plain', 'small')}
    >
      Open console
    </a>
  )
}
