// Which gateway a command speaks to, and as whom. Options come before environment variables, and these before the profile
// that `sivo login` stored. A key is stored in the system's keychain; where there is none, in a file that only its owner
// may read.

import { chmod, mkdir, readFile, rename, stat, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { variable } from './environment.ts'
import { CommandFailure, EXIT, usage } from './failure.ts'
import { readFromKeychain, storeInKeychain } from './keychain.ts'

/** Proves who asks: an API key, or the cookie of a console session. */
export type Credential = { readonly kind: 'key' | 'session'; readonly value: string }

export type Profile = {
  readonly url: string
  /** The tenant of an operator's commands; null: the key's own. */
  readonly tenantId: string | null
  readonly credentialKind: Credential['kind']
  /** null: in the keychain. */
  readonly credential: string | null
}

export type Profiles = { readonly current: string; readonly profiles: Readonly<Record<string, Profile>> }

/** What a command may say about its connection. */
export type ConnectionOptions = {
  readonly url?: string | undefined
  readonly key?: string | undefined
  readonly tenant?: string | undefined
  readonly profile?: string | undefined
}

export type Connection = { readonly url: string; readonly credential: Credential; readonly tenantId: string | null }

const NO_PROFILES: Profiles = { current: 'default', profiles: {} }

/** `$XDG_CONFIG_HOME/sivo/config.json`, or the same under ~/.config. */
export function configFile(env: NodeJS.ProcessEnv = process.env): string {
  return join(env['XDG_CONFIG_HOME'] || join(homedir(), '.config'), 'sivo', 'config.json')
}

async function readProfiles(file = configFile()): Promise<Profiles> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null
    throw usage(`${file} cannot be read: ${error.message}.`)
  })
  if (text === null) return NO_PROFILES
  try {
    return JSON.parse(text) as Profiles
  } catch {
    throw usage(`${file} is expected to hold JSON and does not. Remove it and run "sivo login" again.`)
  }
}

/** Stores a profile and makes it the current one. Returns where its credential lies. */
export async function saveProfile(
  name: string,
  { credential, ...profile }: { url: string; tenantId: string | null; credential: Credential },
  file = configFile(),
): Promise<'keychain' | 'file'> {
  const known = await readProfiles(file)
  const stored = await storeInKeychain(name, credential.value)
  const entry: Profile = {
    ...profile,
    credentialKind: credential.kind,
    credential: stored ? null : credential.value,
  }
  await mkdir(dirname(file), { recursive: true, mode: 0o700 })
  const text = `${JSON.stringify({ current: name, profiles: { ...known.profiles, [name]: entry } }, null, 2)}\n`
  // Written beside and renamed: a command that is stopped half-way leaves the old file.
  const beside = `${file}.${process.pid}`
  await writeFile(beside, text, { mode: 0o600 })
  await chmod(beside, 0o600)
  await rename(beside, file)
  return stored ? 'keychain' : 'file'
}

/** Settles the connection of a command. Throws CommandFailure with what is missing. */
export async function resolveConnection(
  options: ConnectionOptions,
  { env = process.env, file = configFile(env) }: { env?: NodeJS.ProcessEnv; file?: string } = {},
): Promise<Connection> {
  const { current, profiles } = await readProfiles(file)
  const name = options.profile ?? variable('SIVO_PROFILE', env) ?? current
  const profile = profiles[name]
  if ((options.profile ?? variable('SIVO_PROFILE', env)) !== undefined && !profile) {
    const known = Object.keys(profiles).join(', ') || 'none'
    throw usage(`Expected the name of a profile, got ${JSON.stringify(name)}. Known profiles: ${known}.`)
  }
  const url = options.url ?? variable('SIVO_URL', env) ?? profile?.url ?? 'http://localhost:4000'
  const key = options.key ?? variable('SIVO_KEY', env)
  const credential =
    key !== undefined ? ({ kind: 'key', value: key } as const) : profile && (await credentialOf(name, profile, file))
  if (!credential)
    throw new CommandFailure(
      EXIT.notAllowed,
      'Expected an API key, got none. Run "sivo login", or set SIVO_KEY, or pass --key.',
    )
  return {
    url: parseUrl(url),
    credential,
    tenantId: options.tenant ?? variable('SIVO_TENANT', env) ?? profile?.tenantId ?? null,
  }
}

/** The gateway's address without a path's end. Throws CommandFailure for what is no http address. */
export function parseUrl(text: string): string {
  const url = URL.parse(/^https?:\/\//i.test(text) ? text : `http://${text}`)
  if (!url?.hostname || !/^https?:$/.test(url.protocol))
    throw usage(`Expected the address of a gateway such as https://hooks.example.com, got ${JSON.stringify(text)}.`)
  url.hash = ''
  url.search = ''
  return url.href.replace(/\/(graphql\/?)?$/, '')
}

async function credentialOf(name: string, profile: Profile, file: string): Promise<Credential> {
  if (profile.credential !== null) {
    const { mode } = await stat(file)
    if (process.platform !== 'win32' && (mode & 0o077) !== 0)
      throw usage(`${file} holds a key and others may read it. Run: chmod 600 ${file}`)
    return { kind: profile.credentialKind, value: profile.credential }
  }
  const value = await readFromKeychain(name)
  if (value === null)
    throw new CommandFailure(
      EXIT.notAllowed,
      `The keychain no longer holds the key of profile ${JSON.stringify(name)}. Run "sivo login" again.`,
    )
  return { kind: profile.credentialKind, value }
}
