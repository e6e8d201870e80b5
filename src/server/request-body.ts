// The body of a GraphQL request: read whole up to a bound, checked to be UTF-8, parsed once. Numbers that a double would
// change are marked where the raw text may hold one, so that they can be refused instead of rounded.

import { isUtf8 } from 'node:buffer'
import type { IncomingMessage } from 'node:http'
import { mayHoldInexactNumber, parseExactly } from '../domain/exact-json.ts'
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
  if (!isUtf8(bytes))
    throw new UnreadableRequest(400, 'Expected a body in UTF-8, came other bytes. Encode it as UTF-8.')
  const text = bytes.toString('utf8')
  try {
    return mayHoldInexactNumber(text) ? parseExactly(text) : JSON.parse(text)
  } catch {
    throw new UnreadableRequest(400, 'Expected a body of valid JSON, came something else. Check its quotes and commas.')
  }
}

function requireJson({ headers }: IncomingMessage): void {
  const [type, ...parameters] = (headers['content-type'] ?? '').toLowerCase().split(';')
  const charset = parameters.find((parameter) => parameter.trim().startsWith('charset='))
  if (type!.trim() !== 'application/json')
    throw new UnreadableRequest(
      415,
      `Expected content-type: application/json, came ${type!.trim() || 'none'}. Send JSON.`,
    )
  if (charset && !/^charset="?utf-?8"?$/.test(charset.trim()))
    throw new UnreadableRequest(415, `Expected a body in UTF-8, came ${charset.trim()}. Encode it as UTF-8.`)
  const encoding = headers['content-encoding']
  if (encoding && encoding !== 'identity')
    throw new UnreadableRequest(415, `Expected a body without content-encoding, came ${encoding}. Send it as it is.`)
}

/** What is too large is still taken in, and thrown away, up to this: a client that is cut off sees no reply. */
const MAX_DISCARDED_BYTES = 32 * 1024 * 1024

function readBytes(request: IncomingMessage, maxBytes: number): Promise<Buffer> {
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
            `Expected a body of at most ${maxBytes} bytes, came ${size}. Send it in several requests.`,
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
