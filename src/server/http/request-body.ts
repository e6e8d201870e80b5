// What a request says, in its body or its URL: read whole up to a bound, checked to be UTF-8, parsed once. Numbers that a
// double would change are marked where the raw text may hold one, so that they can be refused instead of rounded.

import { isUtf8 } from 'node:buffer'
import type { IncomingMessage } from 'node:http'
import { mayHoldInexactNumber, parseExactly } from '../../domain/values/exact-json.ts'
import { MAX_REQUEST_BYTES } from './limits.ts'

/** The request cannot be read; `status` is the HTTP status that says so. */
export class UnreadableRequest extends Error {
  override name = 'UnreadableRequest'
  readonly status: 400 | 413 | 415
  constructor(status: 400 | 413 | 415, message: string) {
    super(message)
    this.status = status
  }
}

/** The JSON value of a request's body. Throws UnreadableRequest. */
export async function readJsonBody(request: IncomingMessage, maxBytes: number = MAX_REQUEST_BYTES): Promise<unknown> {
  requireJson(request)
  const bytes = await readBytes(request, maxBytes)
  if (!isUtf8(bytes)) throw new UnreadableRequest(400, 'Expected a body in UTF-8, got other bytes. Encode it as UTF-8.')
  try {
    return parseJson(bytes.toString('utf8'))
  } catch {
    throw new UnreadableRequest(400, 'Expected a body of valid JSON, got something else. Check its quotes and commas.')
  }
}

/** What a GraphQL request asks for. */
export type RequestParameters = {
  readonly query?: string
  readonly variables?: Readonly<Record<string, unknown>> | null
  readonly operationName?: string | null
  readonly extensions?: Readonly<Record<string, unknown>> | null
}

const MEMBERS = ['query', 'variables', 'operationName', 'extensions']

/**
 * What a GraphQL request asks for: the object in the body of a POST, the query string of a GET. `query` is missing only
 * where `extensions.persistedQuery` stands for it. Throws UnreadableRequest.
 */
export async function readParameters(request: IncomingMessage, search: string): Promise<RequestParameters> {
  const parameters = request.method === 'POST' ? await readJsonBody(request) : readSearch(search)
  if (!isObject(parameters))
    throw new UnreadableRequest(400, 'Expected one object with a query, got another value. Send operations one by one.')
  const unknown = Object.keys(parameters).filter((name) => !MEMBERS.includes(name) && parameters[name] != null)
  if (unknown.length > 0)
    throw new UnreadableRequest(
      400,
      `Expected the members ${MEMBERS.join(', ')}, got also ${unknown.slice(0, 5).map(shown).join(', ')}. Leave them out.`,
    )
  const { query, variables, operationName, extensions } = parameters
  if (typeof query !== 'string' && !(query == null && isPersistedQuery(parameters)))
    throw new UnreadableRequest(400, `Expected query to be the text of a document, got ${kindOf(query)}.`)
  if (variables != null && !isObject(variables))
    throw new UnreadableRequest(400, `Expected variables to be an object, got ${kindOf(variables)}.`)
  if (operationName != null && typeof operationName !== 'string')
    throw new UnreadableRequest(400, `Expected operationName to be a text, got ${kindOf(operationName)}.`)
  if (extensions != null && !isObject(extensions))
    throw new UnreadableRequest(400, `Expected extensions to be an object, got ${kindOf(extensions)}.`)
  return parameters
}

/** Whether a request names its document by a hash. */
function isPersistedQuery({ extensions }: RequestParameters): boolean {
  return isObject(extensions?.['persistedQuery'])
}

function readSearch(search: string): Record<string, unknown> {
  const given = new URLSearchParams(search)
  const json = (name: string) => {
    const text = given.get(name)
    if (!text) return undefined
    try {
      return parseJson(text)
    } catch {
      throw new UnreadableRequest(
        400,
        `Expected ${name} to be valid JSON, got ${shown(text)}. Check how it is encoded.`,
      )
    }
  }
  return {
    query: given.get('query') ?? undefined,
    operationName: given.get('operationName') || undefined,
    variables: json('variables'),
    extensions: json('extensions'),
  }
}

function parseJson(text: string): unknown {
  return mayHoldInexactNumber(text) ? parseExactly(text) : JSON.parse(text)
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function kindOf(value: unknown): string {
  if (value == null) return 'none'
  return Array.isArray(value) ? 'a list' : `a value of the type ${typeof value}`
}

function shown(text: string): string {
  return JSON.stringify(text.slice(0, 60))
}

function requireJson({ headers }: IncomingMessage): void {
  const [type, ...parameters] = (headers['content-type'] ?? '').toLowerCase().split(';')
  const charset = parameters.find((parameter) => parameter.trim().startsWith('charset='))
  if (type!.trim() !== 'application/json')
    throw new UnreadableRequest(
      415,
      `Expected content-type: application/json, got ${type!.trim() || 'none'}. Send JSON.`,
    )
  if (charset && !/^charset="?utf-?8"?$/.test(charset.trim()))
    throw new UnreadableRequest(415, `Expected a body in UTF-8, got ${charset.trim()}. Encode it as UTF-8.`)
  const encoding = headers['content-encoding']
  if (encoding && encoding !== 'identity')
    throw new UnreadableRequest(415, `Expected a body without content-encoding, got ${encoding}. Send it as it is.`)
}

/** What is too large is still taken in, and thrown away, up to this: a client that is cut off sees no reply. */
const MAX_DISCARDED_BYTES = 32 * 1024 * 1024

/** The whole body. Throws UnreadableRequest. */
export function readBytes(request: IncomingMessage, maxBytes: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    let chunks: Buffer[] = []
    let size = 0
    request.on('data', (chunk: Buffer) => {
      size += chunk.length
      if (size <= maxBytes) chunks.push(chunk)
      else chunks = []
      if (size > MAX_DISCARDED_BYTES) request.destroy()
    })
    request.once('end', () => {
      if (size > maxBytes)
        reject(
          new UnreadableRequest(
            413,
            `Expected a body of at most ${maxBytes} bytes, got ${size}. Send it in several requests.`,
          ),
        )
      else resolve(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, size))
    })
    request.once('error', reject)
    request.once('close', () => {
      if (!request.complete) reject(new UnreadableRequest(400, 'The request ended before its body did.'))
    })
  })
}
