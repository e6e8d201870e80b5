import { useNavigate } from '@tanstack/react-router'
import { Rss } from 'lucide-react'
import { DELIVERY_UPDATES, EVENT_UPDATES } from '../../api/live.ts'
import type { DeliveryFilter, EventFilter } from '../../gql/graphql.ts'
import { documentText } from '../../lib/document-text.ts'
import { Button } from '../../ui/button.tsx'
import { copyText } from '../../ui/copy-button.tsx'
import { Menu } from '../../ui/menu.tsx'
import { toast } from '../../ui/toast.tsx'

type CopyProps = { of: 'deliveries'; filter: DeliveryFilter } | { of: 'events'; filter: EventFilter }

/** Shows the subscription behind a view, to copy it for another program. */
export function CopyAsSubscription({ of, filter }: CopyProps) {
  const navigate = useNavigate()
  const document = documentText(of === 'deliveries' ? DELIVERY_UPDATES : EVENT_UPDATES)
  const variables = JSON.stringify({ filter }, null, 2)
  const copy = async (text: string, what: string) => {
    if (await copyText(text)) toast({ tone: 'good', title: `${what} copied.` })
  }
  return (
    <Menu
      trigger={
        <Button icon={<Rss size={14} aria-hidden />} title="This view as a GraphQL subscription">
          Copy as subscription
        </Button>
      }
      items={[
        {
          label: 'Copy document and variables',
          onSelect: () =>
            void copy(`${document}\n\n# variables\n${variables.replaceAll(/^/gm, '# ')}\n`, 'Subscription'),
        },
        {
          label: 'Copy as curl (server-sent events)',
          onSelect: () => void copy(asCurl(document, { filter }), 'Command'),
        },
        {
          label: 'Open in the API page',
          onSelect: () => void navigate({ to: '/api', search: { document, variables } }),
        },
      ]}
    />
  )
}

function asCurl(query: string, variables: object): string {
  const body = JSON.stringify({ query, variables }).replaceAll("'", "'\\''")
  return `curl -N ${location.origin}/graphql \\
  -H 'authorization: Bearer YOUR_KEY' \\
  -H 'content-type: application/json' \\
  -H 'accept: text/event-stream' \\
  --data-raw '${body}'`
}
