import { MonitorSmartphone } from 'lucide-react'
import { useState } from 'react'
import { graphql, useApiQuery } from '../../api/client.ts'
import type { ConsoleSessionsQuery } from '../../gql/graphql.ts'
import { useAction } from '../../lib/actions.ts'
import { useInterval } from '../../lib/use-interval.ts'
import { useRights } from '../../session/session.ts'
import { Badge } from '../../ui/badge.tsx'
import { Button } from '../../ui/button.tsx'
import { classes } from '../../ui/classes.ts'
import { ConfirmDialog } from '../../ui/dialog.tsx'
import { PlainTable } from '../../ui/plain-table.tsx'
import { Empty, Failed, LoadingRows } from '../../ui/states.tsx'
import { Ago, Time } from '../../ui/time.tsx'
import { toast } from '../../ui/toast.tsx'
import { ROLE_SENTENCES } from './api-keys.tsx'

const SESSIONS = graphql(`
  query ConsoleSessions($tenantId: ID) {
    consoleSessions(tenantId: $tenantId, first: 100) {
      nodes {
        id
        name
        invitedBy
        role
        current
        createdAt
        lastUsedAt
        expiresAt
      }
      pageInfo {
        hasNextPage
      }
    }
  }
`)

const END = graphql(`
  mutation EndConsoleSession($id: ID!) {
    endConsoleSession(id: $id) {
      ... on EndConsoleSessionSuccess {
        consoleSession {
          id
          endedAt
        }
      }
      ...Refusal
    }
  }
`)

const READ_EVERY_MS = 15_000

type Session = NonNullable<ConsoleSessionsQuery['consoleSessions']>['nodes'][number]

/** The browsers that are signed in, with a button to sign one out. */
export function ConsoleSessions({ tenantId }: { tenantId: string }) {
  const { isOperator } = useRights()
  const { data, fault, refetch } = useApiQuery(SESSIONS, { tenantId })
  useInterval(refetch, READ_EVERY_MS)
  const [ending, setEnding] = useState<Session | null>(null)
  const end = useAction(END, (reply) => reply.endConsoleSession)
  const confirm = async () => {
    const done = ending && (await end.run({ id: ending.id }))
    setEnding(null)
    if (!done) return
    toast({ tone: 'good', title: 'The session has ended. Its browser is signed out within seconds.' })
    refetch()
  }
  const sessions = data?.consoleSessions?.nodes ?? []
  return (
    <div className="flex flex-col gap-3 px-6 py-4 max-sm:px-4">
      <p className="text-ink-2">
        Browsers that are signed in. Each session lasts twelve hours at most.
        {isOperator && ' Those of operators see every tenant, and so are in each list; only operators see them there.'}
      </p>
      {fault && !data ? (
        <Failed fault={fault} onRetry={refetch} />
      ) : !data ? (
        <LoadingRows rows={4} />
      ) : sessions.length === 0 ? (
        <Empty icon={<MonitorSmartphone size={28} aria-hidden />} title="No browser is signed in">
          Everybody who opens a console link appears here.
        </Empty>
      ) : (
        <div className="overflow-x-auto rounded-lg border border-line bg-surface">
          <PlainTable
            caption="Console sessions"
            headers={['Person', 'Invited by', 'Role', 'Last used', 'Signed in', 'Ends', '']}
          >
            {sessions.map((session) => (
              <Row key={session.id} session={session} onEnd={() => setEnding(session)} />
            ))}
          </PlainTable>
          {data.consoleSessions?.pageInfo.hasNextPage && (
            <p className="p-3 text-center text-ink-2">The newest 100 are shown.</p>
          )}
        </div>
      )}
      <ConfirmDialog
        isOpen={ending !== null}
        onClose={() => setEnding(null)}
        title="End this session?"
        description="Its browser is signed out within seconds. To sign in again, that person needs a new console link."
        action="End session"
        isDangerous
        isBusy={end.isBusy}
        onConfirm={() => void confirm()}
      />
    </div>
  )
}

function Row({ session, onEnd }: { session: Session; onEnd(): void }) {
  const { name, invitedBy, role, current, createdAt, lastUsedAt, expiresAt } = session
  const cell = 'h-10 border-b border-line px-3'
  return (
    <tr>
      <th scope="row" className={classes(cell, 'text-left font-medium')}>
        <span className="flex items-center gap-2">
          {name}
          {current && <Badge tone="good">this browser</Badge>}
        </span>
      </th>
      <td className={cell}>{invitedBy ?? <span className="text-ink-3">signed in by OpenID Connect</span>}</td>
      <td className={cell} title={ROLE_SENTENCES[role]}>
        <Badge tone={role === 'OPERATOR' ? 'warn' : 'idle'}>{role.toLowerCase()}</Badge>
      </td>
      <td className={cell}>{lastUsedAt ? <Ago at={lastUsedAt} /> : <span className="text-ink-3">never</span>}</td>
      <td className={cell}>
        <Time at={createdAt} />
      </td>
      <td className={cell}>
        <Ago at={expiresAt} />
      </td>
      <td className={classes(cell, 'text-right')}>
        {!current && (
          <Button size="small" kind="danger" onClick={onEnd}>
            End session
          </Button>
        )}
      </td>
    </tr>
  )
}
