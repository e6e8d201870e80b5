import { Page } from '../ui/page.tsx'

export function NewEndpointPage() {
  return <Page title="New endpoint">{null}</Page>
}
