// Stores which gateway to speak to, and as whom. The key is checked before it is stored.

import { createInterface } from 'node:readline/promises'
import type { CommandModule } from 'yargs'
import { graphql, openClient, reasonOf } from '../client.ts'
import { describe } from '../command.ts'
import { variable } from '../environment.ts'
import { CommandFailure, EXIT, usage } from '../failure.ts'
import { openOutput } from '../output.ts'
import { type Credential, configFile, parseUrl, saveProfile } from '../profiles.ts'

const VIEWER = graphql(`
  query CliViewer {
    viewer {
      name
      role
      expiresAt
      tenant {
        id
        name
      }
    }
  }
`)

export const login: CommandModule = {
  command: 'login',
  describe: 'Sign in with an API key or a console link, and store it as a profile',
  builder: (argv) =>
    describe(argv, {
      options: {
        link: { type: 'string', describe: 'A console link; it signs in once, for twelve hours at most' },
        name: { type: 'string', default: 'default', describe: 'Name of the profile' },
      },
      examples: [
        ['login --url https://hooks.example.com', 'asks for the key'],
        ['login --link "https://hooks.example.com/#token=…"', 'uses a console link instead of a key'],
      ],
    }),
  handler: async (args) => {
    const output = openOutput(Boolean(args['json']))
    const link = args['link'] as string | undefined
    const url = parseUrl(
      (link ?? (args['url'] as string) ?? variable('SIVO_URL') ?? 'http://localhost:4000').split('#')[0]!,
    )
    const credential: Credential = link
      ? await spendLink(url, link)
      : { kind: 'key', value: (args['key'] as string) ?? variable('SIVO_KEY') ?? (await askForKey()) }
    const tenantId = (args['tenant'] as string) ?? null
    const { viewer } = await openClient({ url, credential, tenantId }).ask(VIEWER, {})
    const name = args['name'] as string
    const kept = await saveProfile(name, { url, tenantId, credential })
    const who = `${viewer.name} (${viewer.role}${viewer.tenant ? `, tenant ${viewer.tenant.name}` : ''})`
    const until = viewer.expiresAt ? ` It expires at ${viewer.expiresAt}.` : ''
    output.result(
      { profile: name, url, viewer, storedIn: kept },
      `Signed in to ${url} as ${who}.${until}\nProfile "${name}" is stored in ${kept === 'keychain' ? 'the keychain' : configFile()}.`,
    )
    if (viewer.role === 'OPERATOR' && tenantId === null)
      output.note('An operator’s commands need a tenant: pass --tenant, or sign in again with --tenant ten_….')
  },
}

async function askForKey(): Promise<string> {
  const fromPipe = !process.stdin.isTTY
  const lines = createInterface({
    input: process.stdin,
    output: fromPipe ? undefined : process.stderr,
    terminal: !fromPipe,
  })
  // What is typed is a secret: it is not shown.
  if (!fromPipe) (lines as unknown as { _writeToOutput(text: string): void })._writeToOutput = () => {}
  try {
    if (!fromPipe) process.stderr.write('API key: ')
    const key = fromPipe ? (await lines[Symbol.asyncIterator]().next()).value : await lines.question('')
    if (!fromPipe) process.stderr.write('\n')
    if (!key?.trim()) throw usage('Expected an API key, got nothing. Create one in the console, under API, Keys.')
    return key.trim()
  } finally {
    lines.close()
  }
}

/** Exchanges the token of a console link for a session. */
async function spendLink(url: string, link: string): Promise<Credential> {
  const token = /#token=([^&\s]+)/.exec(link)?.[1]
  if (!token)
    throw usage(
      'Expected a console link that ends in #token=…, got another text. Put it in quotes: a shell may cut it at #.',
    )
  const response = await fetch(`${url}/session`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-sivo-csrf': '1', origin: new URL(url).origin },
    body: JSON.stringify({ token: decodeURIComponent(token) }),
    signal: AbortSignal.timeout(30_000),
  }).catch((error: unknown) => {
    throw new CommandFailure(EXIT.unavailable, `The gateway at ${url} cannot be reached: ${reasonOf(error)}.`)
  })
  const cookie = response.headers.getSetCookie()[0]?.split(';')[0]
  if (!response.ok || !cookie)
    throw new CommandFailure(
      EXIT.notAllowed,
      `The link was not accepted (HTTP ${response.status}). A link signs in once and expires; ask for a new one.`,
    )
  return { kind: 'session', value: cookie }
}
