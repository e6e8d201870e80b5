// The text that `npm start` prints: the addresses, the keys, and last a link to the console. A line `l` on the terminal prints
// it again, because the log of the demo soon moves it away, with another link.

import { userInfo } from 'node:os'
import { join, relative, resolve } from 'node:path'
import type { App } from '../app.ts'
import type { ReadyConfig } from '../config.ts'
import { toPublicId } from '../domain/values/id.ts'
import { createConsoleLink } from '../gateway/admin/console-link.ts'
import { DEMO_OPERATOR, type Demo } from './demo.ts'
import { readLines } from './terminal.ts'

const LINK_SECONDS = 24 * 3_600

export type WelcomeParts = { app: App; url: string; demo: Demo | null; config: ReadyConfig }

/** The text to print, which ends with a console link that signs in once. */
export async function welcome({ app, url, demo, config }: WelcomeParts): Promise<string> {
  const rows: [string, string][] = [
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
    ? '  A demo call is published every few seconds. Its deliveries appear below and in the console.\n'
    : ''
  const link = await consoleLink({ app, url, demo, config })
  return `\n  SIVO Webhooks is ready.\n\n${lines.join('\n')}\n\n${demoLine}  Ctrl-C stops it. The data stays.\n${link}`
}

/** Prints the welcome, with another link, whenever somebody types l and Enter. Returns a function that stops it. */
export function printWelcomeOnRequest(parts: WelcomeParts): () => Promise<void> {
  return readLines(process.stdin, async (line) => {
    if (line.trim().toLowerCase() === 'l') process.stdout.write(await welcome(parts))
  })
}

/** The link is an operator's, so that its holder may also publish and see all tenants. It opens at the demo's tenant. */
async function consoleLink({ app, url, demo, config }: WelcomeParts): Promise<string> {
  const link = await createConsoleLink({ ...app.ctx, baseUrl: config.publicUrl ?? url }, DEMO_OPERATOR, {
    tenantId: null,
    name: nameOfUser(),
    role: 'OPERATOR',
    expiresInSeconds: LINK_SECONDS,
  })
  const until = link.expiresAt.toISOString().slice(0, 16).replace('T', ' ')
  const atTenant = demo ? `&tenant=${toPublicId('tenant', demo.tenant.id)}` : ''
  return `
  Open the console with this link. It signs in once, until ${until} UTC.
  Type l and Enter to see all this again, with another link.

  ${link.url}${atTenant}

`
}

/** The name of the user who runs this process. A container may have none for it. */
function nameOfUser(): string {
  try {
    return userInfo().username.trim() || 'local operator'
  } catch {
    return 'local operator'
  }
}
