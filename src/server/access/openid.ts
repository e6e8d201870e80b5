// Signing in with OpenID Connect: the authorization code flow with PKCE. What one step needs to know of the step before is
// sealed in a cookie of the browser, so that any process may answer either. Promise: whatever fails, nobody is signed in, and
// the person comes back to the sign-in page, which says why.

import type { IncomingMessage, ServerResponse } from 'node:http'
import * as client from 'openid-client'
import type { OpenIdConfig } from '../../config/openid.ts'
import type { Context } from '../../context.ts'
import { type Claims, decidePerson } from '../../domain/access/openid.ts'
import { openIdentitySession } from '../../gateway/admin/console-link.ts'
import { readCookie, setCookie } from '../http/cookies.ts'
import type { Forwarded } from '../http/forwarded.ts'
import type { Origins } from '../http/origins.ts'
import { OPENID_CALLBACK_PATH } from './openid-paths.ts'
import { sessionCookie } from './session-cookie.ts'

/** How long a person may take at the provider. */
const SIGN_IN_SECONDS = 10 * 60
const PROVIDER_SECONDS = 10
const CLOCK_TOLERANCE_SECONDS = 30
/** How long the provider's own description counts. */
const DISCOVERED_MS = 3_600_000
/** What the cookie's content is sealed for. */
const SEALED_FOR = 'openid sign-in'

/** Why nobody was signed in, as the sign-in page is told. */
type Refusal = 'cancelled' | 'expired' | 'no_role' | 'no_tenant' | 'failed'

export type OpenIdParts = {
  readonly ctx: Context
  readonly openId: OpenIdConfig
  readonly origins: Origins
  readonly forwarded: Forwarded
}

export type OpenIdDoor = {
  /** Answers a GET of one of the two paths; `query` is what follows the question mark. */
  serve(request: IncomingMessage, response: ServerResponse, path: string, query: string): Promise<void>
}

export function createOpenIdDoor({ ctx, openId, origins, forwarded }: OpenIdParts): OpenIdDoor {
  const { clock, config, log, vault } = ctx
  const baseUrl = config.publicUrl!
  const provider = discoverAsNeeded(openId, () => clock.monotonicMs())

  const signInCookie = (request: IncomingMessage, value: string, seconds: number) =>
    setCookie({
      name: origins.cookieName('sign_in', request),
      value,
      seconds,
      isSecure: origins.isSecure(request),
      // It must come with the navigation back from the provider.
      sameSite: 'Lax',
    })

  const begin = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const discovered = await provider.get()
    const started: Started = {
      // A proxy in front of cells reads here to which one the browser comes back.
      state: config.cell === null ? client.randomState() : `${config.cell}.${client.randomState()}`,
      nonce: client.randomNonce(),
      verifier: client.randomPKCECodeVerifier(),
      untilMs: clock.now().getTime() + SIGN_IN_SECONDS * 1000,
    }
    const location = client.buildAuthorizationUrl(discovered, {
      redirect_uri: baseUrl + OPENID_CALLBACK_PATH,
      scope: openId.scopes,
      state: started.state,
      nonce: started.nonce,
      code_challenge: await client.calculatePKCECodeChallenge(started.verifier),
      code_challenge_method: 'S256',
    })
    const sealed = vault.seal(JSON.stringify(started), SEALED_FOR).toString('base64url')
    redirect(response, location.href, [signInCookie(request, sealed, SIGN_IN_SECONDS)])
  }

  const startedOf = (request: IncomingMessage): Started | null => {
    const sealed = readCookie(request.headers.cookie, origins.cookieName('sign_in', request))
    if (sealed === null) return null
    try {
      const started = JSON.parse(vault.open(Buffer.from(sealed, 'base64url'), SEALED_FOR)) as Started
      return started.untilMs > clock.now().getTime() ? started : null
    } catch {
      return null
    }
  }

  /** The claims of the person that the provider sent back with `query`. */
  const claimsOf = async (query: string, { state, nonce, verifier }: Started): Promise<Claims & { sub: string }> => {
    const discovered = await provider.get()
    const tokens = await client.authorizationCodeGrant(
      discovered,
      new URL(`${baseUrl}${OPENID_CALLBACK_PATH}?${query}`),
      {
        expectedState: state,
        expectedNonce: nonce,
        pkceCodeVerifier: verifier,
        idTokenExpected: true,
      },
    )
    const claims = tokens.claims()!
    if (!discovered.serverMetadata().userinfo_endpoint) return claims
    // Many providers put groups there alone.
    return { ...(await client.fetchUserInfo(discovered, tokens.access_token, claims.sub)), ...claims }
  }

  const finish = async (request: IncomingMessage, response: ServerResponse, query: string): Promise<void> => {
    const refuse = (refusal: Refusal) => redirect(response, `/#refused=${refusal}`, [signInCookie(request, '', 0)])
    const started = startedOf(request)
    const parameters = new URLSearchParams(query)
    if (!started || parameters.get('state') !== started.state) return refuse('expired')
    if (parameters.get('error') === 'access_denied') return refuse('cancelled')
    const claims = await claimsOf(query, started)
    const person = decidePerson(claims, openId)
    if ('refused' in person) {
      log.warn({ subject: claims.sub, why: person.why }, 'sign_in.refused')
      return refuse(person.refused)
    }
    const email = typeof claims['email'] === 'string' ? claims['email'] : null
    const identity = { ...person, issuer: openId.issuer, subject: claims.sub, email }
    const session = await openIdentitySession(ctx, identity, forwarded.addressOf(request))
    if (!session) {
      log.warn({ subject: claims.sub, why: 'The tenant does not exist.' }, 'sign_in.refused')
      return refuse('no_tenant')
    }
    redirect(response, '/', [sessionCookie({ ctx, origins }, request, session), signInCookie(request, '', 0)])
  }

  return {
    async serve(request, response, path, query) {
      try {
        await (path === OPENID_CALLBACK_PATH ? finish(request, response, query) : begin(request, response))
      } catch (error) {
        if (response.headersSent) throw error
        log.error({ err: error, issuer: openId.issuer }, 'sign_in.failed')
        redirect(response, '/#refused=failed' satisfies `/#refused=${Refusal}`, [signInCookie(request, '', 0)])
      }
    },
  }
}

/** What the cookie of a sign-in holds. */
type Started = {
  readonly state: string
  readonly nonce: string
  readonly verifier: string
  readonly untilMs: number
}

/** Asks the provider for its description when it is needed: a provider that is away keeps no gateway from starting. */
function discoverAsNeeded(openId: OpenIdConfig, monotonicMs: () => number): { get(): Promise<client.Configuration> } {
  let known: { readonly found: Promise<client.Configuration>; readonly atMs: number } | null = null
  return {
    get() {
      if (known && monotonicMs() - known.atMs < DISCOVERED_MS) return known.found
      const found = discover(openId)
      const asked = { found, atMs: monotonicMs() }
      known = asked
      found.catch(() => {
        if (known === asked) known = null
      })
      return found
    },
  }
}

async function discover({ issuer, clientId, clientSecret }: OpenIdConfig): Promise<client.Configuration> {
  const options = { timeout: PROVIDER_SECONDS }
  const found = await client.discovery(new URL(issuer), clientId, clientSecret, undefined, options)
  const server = found.serverMetadata()
  // The standard's default, where the provider names none.
  const takesBasic = server.token_endpoint_auth_methods_supported?.includes('client_secret_basic') ?? true
  const discovered = new client.Configuration(
    server,
    clientId,
    { client_secret: clientSecret, [client.clockTolerance]: CLOCK_TOLERANCE_SECONDS },
    takesBasic ? client.ClientSecretBasic(clientSecret) : client.ClientSecretPost(clientSecret),
  )
  discovered.timeout = PROVIDER_SECONDS
  client.enableNonRepudiationChecks(discovered)
  return discovered
}

function redirect(response: ServerResponse, location: string, cookies: readonly string[]): void {
  response.writeHead(303, {
    location,
    'set-cookie': [...cookies],
    'cache-control': 'no-store',
    'referrer-policy': 'no-referrer',
    'content-length': 0,
  })
  response.end()
}
