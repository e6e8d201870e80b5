import { Page } from '../ui/page.tsx'

export function TesterPage() {
  return <Page title="Tester">{null}</Page>
}
