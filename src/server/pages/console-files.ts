// The console's built files and the documentation beside it: read once, served from memory. Names with a hash never change and are kept by browsers for
// good; the page itself is asked for each time. Nothing but these files may run on it.

import { readdir, readFile } from 'node:fs/promises'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { isCompressible } from '../http/compression.ts'
import { preferredCoding } from '../http/negotiation.ts'
import { replyText } from '../http/reply.ts'

const BUILT = fileURLToPath(new URL('../../../console/dist/', import.meta.url))

const TYPES: Record<string, string> = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.ico': 'image/x-icon',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.md': 'text/markdown; charset=utf-8',
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
  '.txt': 'text/plain; charset=utf-8',
  '.webmanifest': 'application/manifest+json',
  '.woff2': 'font/woff2',
}

const PAGE_HEADERS = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), geolocation=(), microphone=()',
  // The link's token is in the fragment, which is never sent on; the address it was opened from need not be either.
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
}

const NO_CONSOLE = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>SIVO Webhooks</title>
<h1>SIVO Webhooks</h1>
<p>The gateway is running, without its console: this build holds none.</p>
<p>The API is GraphQL at <code>/graphql</code>. Every request names an API key:
<code>authorization: Bearer sivo_…</code>. An operator makes keys with <code>createApiKey</code>.</p>
</html>
`

type File = {
  readonly bytes: Buffer
  readonly type: string
  readonly immutable: boolean
  /** The same compressed, made when it is first asked for; null where that saves nothing. */
  readonly compressed: () => Buffer | null
}

export type ConsoleFiles = {
  /** Answers a request for `path`; false when it is no page and no file of the console. */
  serve(request: IncomingMessage, response: ServerResponse, path: string): boolean
}

/** Reads the files of `folder`; without any, one page says so. */
export async function loadConsoleFiles(folder: string = BUILT): Promise<ConsoleFiles> {
  const files = new Map<string, File>()
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => [])) {
    if (!entry.isFile()) continue
    const path = `${entry.parentPath}/${entry.name}`
    const name = path.slice(folder.length).replaceAll('\\', '/').replace(/^\/+/, '')
    const immutable = /[-.][A-Za-z0-9_-]{8,}\.\w+$/.test(entry.name) && name.startsWith('assets/')
    files.set(
      `/${name}`,
      fileOf(await readFile(path), TYPES[extname(entry.name)] ?? 'application/octet-stream', immutable),
    )
  }
  const page = files.get('/index.html') ?? fileOf(Buffer.from(NO_CONSOLE), TYPES['.html']!, false)
  return {
    serve(request, response, path) {
      const file = files.get(path) ?? (isPage(path, request.headers.accept) ? page : undefined)
      if (!file) return false
      if (request.method !== 'GET' && request.method !== 'HEAD') {
        replyText(response, 405, 'Expected GET. The API takes POST at /graphql.\n', { allow: 'GET, HEAD' })
        return true
      }
      const compressed = preferredCoding(request.headers['accept-encoding'] as string | undefined, ['gzip'])
        ? file.compressed()
        : null
      const bytes = compressed ?? file.bytes
      response.writeHead(200, {
        ...PAGE_HEADERS,
        ...(compressed ? { 'content-encoding': 'gzip' } : {}),
        'content-type': file.type,
        'content-length': bytes.length,
        vary: 'accept-encoding',
        'cache-control': file.immutable ? 'public, max-age=31536000, immutable' : 'no-cache',
      })
      response.end(request.method === 'HEAD' ? undefined : bytes)
      return true
    },
  }
}

/**
 * Whether the console finds its way there by itself. Browsers say that they want a page. Probes and clients do not: at a wrong path
 * they must not take one for a yes.
 */
function isPage(path: string, accept: string | undefined): boolean {
  return path === '/' || (!path.includes('.') && (accept?.includes('text/html') ?? false))
}

function fileOf(bytes: Buffer, type: string, immutable: boolean): File {
  let made: Buffer | null | undefined
  return {
    bytes,
    type,
    immutable,
    compressed() {
      if (made === undefined) {
        const smaller = isCompressible(type) ? gzipSync(bytes) : bytes
        made = smaller.length < bytes.length ? smaller : null
      }
      return made
    },
  }
}
