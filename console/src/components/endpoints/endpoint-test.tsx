import { Link } from '@tanstack/react-router'
import { useState } from 'react'
import type { SentTest } from '../../api/send-test.ts'
import { Card } from '../../ui/page.tsx'
import { Failed, LoadingRows } from '../../ui/states.tsx'
import { useCatalogue } from '../events/catalogue.ts'
import { TestForm } from '../tester/test-form.tsx'
import { TestResult } from '../tester/test-result.tsx'
import type { EndpointDetail } from './endpoint-detail.ts'

export function EndpointTest({ endpoint }: { endpoint: EndpointDetail }) {
  const { types, fault, refetch } = useCatalogue()
  const [test, setTest] = useState<SentTest | null>(null)
  if (fault && !types) return <Failed fault={fault} onRetry={refetch} />
  if (!types) return <LoadingRows />
  return (
    <div className="grid items-start gap-4 px-6 py-4 max-sm:px-4 xl:grid-cols-2">
      <Card
        title="What to send"
        actions={
          <Link to="/tester" search={{ endpoint: endpoint.id, tab: 'call' }} className="text-link hover:underline">
            Play a whole call
          </Link>
        }
      >
        <div className="p-4">
          <TestForm types={types} tenantId={endpoint.tenantId} endpointId={endpoint.id} onSent={setTest} />
        </div>
      </Card>
      <Card title="What happens">
        <div className="p-4">
          {test ? (
            <TestResult key={test.deliveryId} test={test} />
          ) : (
            <p className="text-ink-2">
              Each step of the attempt appears here as it is taken. A test is also sent to an endpoint that is paused,
              and whatever types it wants.
            </p>
          )}
        </div>
      </Card>
    </div>
  )
}
