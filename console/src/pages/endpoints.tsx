import { Page } from '../ui/page.tsx'

export function EndpointsPage() {
  return <Page title="Endpoints">{null}</Page>
}
