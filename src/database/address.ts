// DATABASE_URL, read: the hosts in the order in which they are tried, and what its parameters ask for. A parameter is
// applied or refused by name; none is passed over, and none undoes what a session must be (session.ts).

import { OWN_SETTINGS } from './session.ts'

export type DatabaseHost = { readonly host: string; readonly port: number }

export type DatabaseAddress = {
  /** What the driver is given: the first host, the credentials, and the parameters of TLS. */
  readonly url: string
  /** In the order in which they are tried; empty: as the driver finds one. */
  readonly hosts: readonly DatabaseHost[]
  /** Each host is asked whether it takes writes before it is used. */
  readonly wantsPrimary: boolean
  /** Server settings of `options`. */
  readonly settings: readonly (readonly [name: string, value: string])[]
  /** How long a connection may take to be made, ms. */
  readonly connectMs: number
}

/** The URL cannot be used. Its sentences begin with "expected" and name no password. */
export class AddressError extends Error {
  override name = 'AddressError'
  readonly problems: readonly string[]
  constructor(problems: readonly string[]) {
    super(problems.join(' '))
    this.problems = problems
  }
}

const CONNECT_MS = 5_000
const DEFAULT_PORT = 5432

/** Parameters that the driver itself reads. */
const OF_DRIVER = new Set([
  'ssl',
  'sslmode',
  'sslcert',
  'sslkey',
  'sslrootcert',
  'sslnegotiation',
  'uselibpqcompat',
  'user',
  'password',
])

/** Parameters that say what is done anyway, with the values that do. */
const ALREADY_SO: Readonly<Record<string, RegExp>> = {
  client_encoding: /^(utf-?8|unicode|auto)$/i,
  gssencmode: /^(disable|prefer)$/,
  channel_binding: /^(disable|prefer)$/,
  keepalives: /^1$/,
  load_balance_hosts: /^disable$/,
}

const INSTEAD: Readonly<Record<string, string>> = {
  application_name:
    'the gateway names its connections itself, so that those of a dead process can be found and ended. Take it out',
  fallback_application_name: 'the gateway names its connections itself. Take it out',
  schema: 'SIVO_DATABASE_SCHEMA says where the tables are. Set that instead',
  currentSchema: 'SIVO_DATABASE_SCHEMA says where the tables are. Set that instead',
  channel_binding:
    'the driver cannot insist on it (disable and prefer are taken). sslmode=verify-full proves the server instead',
}

const SHAPE = /^(postgres(?:ql)?:\/\/)([^/?#]*)(?:\/([^?#]*))?(?:\?([^#]*))?$/

/** Reads the URL. Throws AddressError with every problem. */
export function readAddress(text: string): DatabaseAddress {
  const problems: string[] = []
  const shape = SHAPE.exec(text.trim())
  if (!shape) throw new AddressError([noUrl(text)])
  const [, protocol, authority = '', database = '', query = ''] = shape
  const at = authority.lastIndexOf('@')
  const credentials = authority.slice(0, at + 1)
  const parameters = new URLSearchParams(query)
  const forDriver = new URLSearchParams()
  const take = (name: string) => {
    const value = parameters.get(name)
    parameters.delete(name)
    return value
  }
  const hosts = readHosts(take('host') ?? authority.slice(at + 1), take('port'), problems)
  const wantsPrimary = readAttributes(take('target_session_attrs'), hosts.length, problems)
  const connectMs = readSeconds(take('connect_timeout'), problems)
  const settings = readOptions(take('options'), problems)
  for (const [name, value] of parameters) {
    if (OF_DRIVER.has(name)) forDriver.append(name, value)
    else if (!ALREADY_SO[name]?.test(value)) problems.push(refusal(name))
  }
  const first = hosts[0]
  const isSocket = first?.host.startsWith('/')
  if (isSocket) forDriver.append('host', first!.host)
  const place = first ? `${isSocket ? '' : encodeHost(first.host)}:${first.port}` : ''
  const shown = forDriver.size ? `?${forDriver}` : ''
  const url = `${protocol}${credentials}${isSocket ? '' : place}/${database}${shown}`
  if (problems.length === 0 && !URL.canParse(url.replace('@/', '@socket/'))) problems.push(noUrl(text))
  if (problems.length) throw new AddressError(problems)
  return { url, hosts, wantsPrimary, settings, connectMs }
}

/** Its text is not shown: it may hold a password. */
function noUrl(text: string): string {
  return `expected a URL such as postgres://user:password@host:5432/database, other signs written as %XX, got a text of ${text.length} characters that is none.`
}

function refusal(name: string): string {
  const why =
    INSTEAD[name] ??
    (OWN_SETTINGS.has(name.toLowerCase())
      ? 'the gateway sets it for each of its sessions. Take it out'
      : `this version knows only host, port, user, password, ${[...OF_DRIVER].filter((each) => each.startsWith('ssl')).join(', ')}, options, connect_timeout and target_session_attrs. Take it out`)
  return `expected no parameter ${name}: ${why}.`
}

/** `a:1,b:2`, or the lists of the parameters `host` and `port`. */
function readHosts(names: string, ports: string | null, problems: string[]): DatabaseHost[] {
  if (names === '' && ports === null) return []
  const portList = ports?.split(',') ?? []
  return names.split(',').map((text, i) => {
    const [, bracketed, plain, own] = /^(?:\[([0-9a-fA-F:.%]+)\]|([^:[\]]*))(?::(\d+))?$/.exec(text.trim()) ?? []
    const host = bracketed ?? plain
    const port = Number(own ?? portList[i] ?? portList[0] ?? DEFAULT_PORT)
    if (host === undefined || !(port >= 1 && port <= 65_535))
      problems.push(`expected host:port, separated by commas, got ${JSON.stringify(text)}.`)
    return { host: decodeURIComponent(host || 'localhost'), port }
  })
}

function encodeHost(host: string): string {
  return host.includes(':') ? `[${host}]` : host
}

/** Several hosts are of use only where the one that takes writes is chosen. */
function readAttributes(text: string | null, hosts: number, problems: string[]): boolean {
  if (text === null) return hosts > 1
  if (text === 'read-write' || text === 'primary') return true
  if (text === 'any' && hosts < 2) return false
  problems.push(
    `expected target_session_attrs=read-write (or primary), because the gateway writes, got ${JSON.stringify(text)}.`,
  )
  return true
}

function readSeconds(text: string | null, problems: string[]): number {
  if (text === null) return CONNECT_MS
  const seconds = /^\d{1,3}$/.test(text) ? Number(text) : 0
  if (seconds < 1 || seconds > 30)
    problems.push(`expected connect_timeout in seconds from 1 to 30, got ${JSON.stringify(text)}.`)
  return seconds * 1_000
}

/** `-c name=value` or `--name=value`; a backslash takes the meaning from the sign after it. */
function readOptions(text: string | null, problems: string[]): [string, string][] {
  if (text === null) return []
  const words = [...text.matchAll(/(?:\\.|[^\\\s])+/g)].map(([word]) => word.replace(/\\(.)/g, '$1'))
  const settings: [string, string][] = []
  for (let i = 0; i < words.length; i++) {
    const word = words[i]!
    const setting = word === '-c' ? words[++i] : word.startsWith('-c') ? word.slice(2) : word.replace(/^--/, '')
    const [, name, value] = /^([A-Za-z_][\w.]*)=(.*)$/.exec(setting ?? '') ?? []
    const isOption = word.startsWith('-')
    if (!isOption || name === undefined || value === undefined)
      problems.push(`expected options as "-c name=value", got ${JSON.stringify(word)}.`)
    else if (name.toLowerCase() === 'search_path')
      problems.push('expected no search_path in options: SIVO_DATABASE_SCHEMA says where the tables are.')
    else if (OWN_SETTINGS.has(name.toLowerCase()))
      problems.push(`expected no ${name} in options: the gateway sets it for each of its sessions. Take it out.`)
    else settings.push([name, value])
  }
  return settings
}
