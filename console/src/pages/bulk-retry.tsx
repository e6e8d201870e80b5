import { Page } from '../ui/page.tsx'

export function BulkRetryPage() {
  return <Page title="Bulk retry">{null}</Page>
}
