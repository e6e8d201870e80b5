// deno run --allow-net --allow-read deno.mjs PORT CERT KEY
const [port, cert, key] = Deno.args

Deno.serve(
  { port: Number(port), hostname: '127.0.0.1', cert: Deno.readTextFileSync(cert), key: Deno.readTextFileSync(key) },
  async (request) => {
    const { pathname } = new URL(request.url)
    if (pathname === '/early') return new Response('no', { status: 403 })
    await request.arrayBuffer()
    if (pathname === '/latin') {
      return new Response(new Uint8Array([0x5a, 0x6f, 0xeb]), {
        headers: { 'content-type': 'text/plain; charset=iso-8859-1' },
      })
    }
    return new Response('ok')
  },
)
