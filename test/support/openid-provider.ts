// A real OpenID provider on loopback, over TLS: `oidc-provider` with its own pages for signing in. The password does not
// matter; the login chooses the person.

import { once } from 'node:events'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import tls from 'node:tls'
import Provider from 'oidc-provider'
import type { CertificateAuthority } from '../../src/dev/certificate-authority.ts'

export type OpenIdProvider = {
  readonly issuer: string
  readonly clientId: string
  readonly clientSecret: string
  /** The claims of each login, besides `sub`. */
  readonly people: Record<string, Record<string, unknown>>
  close(): Promise<void>
}

const CLIENT_ID = 'sivo-console'
const CLIENT_SECRET = 'a secret: with characters that basic authentication encodes'

export type ProviderOptions = {
  authority: CertificateAuthority
  /** Where it sends people back to. */
  redirectUri: string
  people: Record<string, Record<string, unknown>>
  /** How the client proves who it is. */
  authMethod?: 'client_secret_basic' | 'client_secret_post'
}

export async function startOpenIdProvider({
  authority,
  redirectUri,
  people,
  authMethod = 'client_secret_basic',
}: ProviderOptions): Promise<OpenIdProvider> {
  // As NODE_EXTRA_CA_CERTS does for a whole process.
  tls.setDefaultCACertificates([...tls.getCACertificates('default'), authority.certificate])
  let answer: ReturnType<Provider['callback']> = (_request, response) => response.end()
  const server = createServer(authority.issue(['localhost']), (request, response) => answer(request, response))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const issuer = `https://localhost:${(server.address() as AddressInfo).port}`
  const provider = new Provider(issuer, {
    clients: [
      {
        client_id: CLIENT_ID,
        client_secret: CLIENT_SECRET,
        redirect_uris: [redirectUri],
        token_endpoint_auth_method: authMethod,
      },
    ],
    clientAuthMethods: [authMethod],
    ttl: { AccessToken: 600, Grant: 600, IdToken: 600, Interaction: 600, Session: 600 },
    claims: { openid: ['sub'], profile: ['name', 'groups', 'roles', 'sivo_tenant'], email: ['email'] },
    cookies: { keys: ['of the tests'] },
    findAccount: (_ctx: unknown, id: string) => ({ accountId: id, claims: () => ({ ...people[id], sub: id }) }),
  })
  answer = provider.callback()
  return {
    issuer,
    clientId: CLIENT_ID,
    clientSecret: CLIENT_SECRET,
    people,
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
