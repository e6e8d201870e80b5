#!/usr/bin/env bash
# lighttpd: a reply of the server behind it that breaks off arrives as a whole one.
#
# A server that writes a reply in chunks (a download, a stream of events, NDJSON) and dies in the middle says so by leaving out
# the last chunk. lighttpd collects the reply before it passes it on, as is its default, then writes Content-Length with what
# came so far and 200: a client cannot tell half a file from a whole one. nginx and HAProxy break their reply off, and so does
# lighttpd with server.stream-response-body = 1.
# Expected: 502, or a reply that breaks off.
#
# Needs node. Fails when that changes. Uses Debian 12's package, unpacked and not installed.
set -euo pipefail
folder=$(mktemp -d)
chmod 755 "$folder"
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get download --quiet lighttpd=1.4.69-1 libpcre2-8-0 libnettle8 libxxhash0 >/dev/null 2>&1
for package in *.deb; do dpkg-deb --extract "$package" root; done
libraries=$(dirname "$(find "$folder/root" -name 'libnettle.so.8*' | head -1)")
cat >probe.mjs <<'JS'
import { spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'

const [libraries] = process.argv.slice(2)
const folder = process.cwd()
const listen = (server) => new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server.address().port)))
// Two of three rows, then no more.
const behind = await listen(createServer((socket) => {
  socket.on('error', () => {})
  socket.once('data', () => {
    socket.write('HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n')
    socket.write('8\r\n{"n":1}\n\r\n8\r\n{"n":2}\n\r\n')
    setTimeout(() => socket.destroy(), 300)
  })
}))
const free = createServer()
const port = await listen(free)
await new Promise((resolve) => free.close(resolve))

const ask = (at) => fetch(`http://127.0.0.1:${at}/`, { signal: AbortSignal.timeout(5_000) }).then(async (reply) => {
  const head = `${reply.status}, Content-Length ${reply.headers.get('content-length')}`
  return reply.text().then((text) => `${head}, whole: ${JSON.stringify(text)}`, () => `${head}, broken off`)
}, ({ cause }) => cause?.code)
console.log(`without a proxy: ${await ask(behind)}`)
for (const setting of ['', 'server.stream-response-body = 1']) {
  writeFileSync('lighttpd.conf', `server.modules = ( "mod_proxy" )
server.bind = "127.0.0.1"
server.port = ${port}
server.document-root = "${folder}"
server.upload-dirs = ( "${folder}" )
${setting}
proxy.server = ( "" => (( "host" => "127.0.0.1", "port" => ${behind} )) )
`)
  const lighttpd = spawn('root/usr/sbin/lighttpd', ['-D', '-f', 'lighttpd.conf', '-m', 'root/usr/lib/lighttpd'], {
    stdio: 'ignore',
    env: { LD_LIBRARY_PATH: libraries },
  })
  let answer
  for (let tries = 0; tries < 100; tries++) {
    answer = await ask(port)
    if (answer !== 'ECONNREFUSED') break
    await delay(50)
  }
  console.log(`lighttpd ${setting || 'as it comes'}: ${answer}`)
  const left = new Promise((resolve) => lighttpd.once('exit', resolve))
  lighttpd.kill('SIGKILL')
  await left
}
process.exit(0)
JS
node probe.mjs "$libraries" | tee seen
diff seen - <<'SEEN'
without a proxy: 200, Content-Length null, broken off
lighttpd as it comes: 200, Content-Length 16, whole: "{\"n\":1}\n{\"n\":2}\n"
lighttpd server.stream-response-body = 1: 200, Content-Length null, broken off
SEEN
echo "lighttpd 1.4.69: as described."
