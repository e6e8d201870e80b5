// The text that `npm start` prints: the addresses, the keys, and a link to the console.

import { join, relative, resolve } from 'node:path'
import type { App, ReadyConfig } from '../app.ts'
import { toPublicId } from '../domain/id.ts'
import { createConsoleLink } from '../gateway/admin/console-link.ts'
import { DEMO_OPERATOR, type Demo } from './demo.ts'

const LINK_SECONDS = 24 * 3_600

export type WelcomeParts = { app: App; url: string; demo: Demo | null; config: ReadyConfig }

/** The text to print, with a console link that signs in once. */
export async function welcome({ app, url, demo, config }: WelcomeParts): Promise<string> {
  const link = await createConsoleLink(
    { ...app.ctx, baseUrl: config.publicUrl ?? url },
    DEMO_OPERATOR,
    demo
      ? { tenantId: demo.tenant.id, role: 'ADMIN', expiresInSeconds: LINK_SECONDS }
      : { tenantId: null, role: 'OPERATOR', expiresInSeconds: LINK_SECONDS },
  )
  const rows: [string, string][] = [
    ['Console', `${link.url}   (signs in once)`],
    ['GraphQL', `${url}/graphql`],
    ['Operator key', `${config.operatorKey}`],
  ]
  if (demo) {
    rows.push(['Demo tenant', `${toPublicId('tenant', demo.tenant.id)}   ${demo.tenant.name}`])
    for (const endpoint of demo.endpoints) rows.push(['Demo endpoint', `${endpoint.url}   ${endpoint.name}`])
  }
  rows.push(['Data and keys', `${relative(process.cwd(), resolve(config.dataDir)) || '.'}/`])
  if (demo) rows.push(['Local authority', join(config.dataDir, 'demo', 'authority.pem')])
  const width = Math.max(...rows.map(([name]) => name.length))
  const lines = rows.map(([name, value]) => `  ${name.padEnd(width)}  ${value}`)
  const demoLine = demo
    ? '\n  A demo call is published every few seconds. Its deliveries appear below and in the console.'
    : ''
  return `\n  SIVO Webhooks is ready.\n\n${lines.join('\n')}\n${demoLine}\n  Ctrl-C stops it. The data stays.\n\n`
}
