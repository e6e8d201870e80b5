import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { loadConsoleFiles } from '../../../src/server/pages/console-files.ts'

const SCRIPT = 'export const answer = 42\n'.repeat(500)

describe('the files of the console', () => {
  let folder: string
  let server: Server
  let url: string

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sivo-console-files-'))
    await mkdir(join(folder, 'assets'))
    await writeFile(join(folder, 'index.html'), '<!doctype html><title>Console</title>')
    await writeFile(join(folder, 'assets', 'index-a1B2c3D4.js'), SCRIPT)
    const files = await loadConsoleFiles(`${folder}/`)
    server = createServer((request, response) => {
      if (!files.serve(request, response, new URL(request.url!, 'http://x').pathname)) response.writeHead(404).end()
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  })
  afterAll(async () => {
    await new Promise((resolve) => server.close(resolve))
    await rm(folder, { recursive: true })
  })

  test('console files with a hash in their name are cached forever, and compressed for clients that accept it', async () => {
    const packed = await fetch(`${url}/assets/index-a1B2c3D4.js`, { headers: { 'accept-encoding': 'gzip' } })
    expect(packed.headers.get('content-encoding')).toBe('gzip')
    expect(Number(packed.headers.get('content-length'))).toBeLessThan(SCRIPT.length / 10)
    expect(packed.headers.get('cache-control')).toContain('immutable')
    expect(await packed.text()).toBe(SCRIPT)
    const plain = await fetch(`${url}/assets/index-a1B2c3D4.js`, { headers: { 'accept-encoding': 'identity' } })
    expect(plain.headers.get('content-encoding')).toBeNull()
    expect(await plain.text()).toBe(SCRIPT)
  })

  test('the console page is requested each time, under every address that the console handles itself', async () => {
    for (const path of ['/', '/deliveries', '/endpoints/ep_1']) {
      const page = await fetch(url + path, { headers: { accept: 'text/html,*/*;q=0.8' } })
      expect(page.headers.get('cache-control')).toBe('no-cache')
      expect(page.headers.get('content-security-policy')).toContain("script-src 'self'")
      expect(await page.text()).toContain('<title>Console</title>')
    }
  })

  test('a probe at a wrong path does not get the page', async () => {
    for (const path of ['/healthz', '/graphq', '/ready/now']) {
      expect((await fetch(url + path)).status).toBe(404)
      expect((await fetch(url + path, { method: 'POST' })).status).toBe(404)
    }
    expect((await fetch(url)).status).toBe(200)
    const posted = await fetch(url, { method: 'POST' })
    expect([posted.status, await posted.text()]).toEqual([405, 'Expected GET. The API takes POST at /graphql.\n'])
  })

  test('an unknown path is left to other handlers, and no file outside the console’s folder is served', async () => {
    for (const path of ['/missing.js', '/../package.json', '/assets/%2e%2e/%2e%2e/package.json'])
      expect((await fetch(url + path)).status).toBe(404)
  })
})
