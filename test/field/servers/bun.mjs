// bun bun.mjs PORT CERT KEY
const [port, cert, key] = process.argv.slice(2)

Bun.serve({
  port: Number(port),
  hostname: '127.0.0.1',
  maxRequestBodySize: 100_000,
  tls: { cert: Bun.file(cert), key: Bun.file(key) },
  async fetch(request) {
    const { pathname } = new URL(request.url)
    if (pathname === '/early') return new Response('no', { status: 403 })
    await request.arrayBuffer()
    if (pathname === '/latin') {
      return new Response(Buffer.from('Zoë', 'latin1'), {
        headers: { 'content-type': 'text/plain; charset=iso-8859-1' },
      })
    }
    return new Response('ok')
  },
})
