#!/usr/bin/env bash
# OWASP Core Rule Set (ModSecurity): JSON with the name of a company or a sentence of a call is refused with 403.
#
# Many receivers stand behind this firewall, with its rules as they come. Expected at paranoia level 1, which is made to refuse
# little: JSON of calls passes. "Search & Find GmbH", "Time & Date AS" and "It is broken; more than once." are refused as Unix or
# Windows command injection, because a & or ; stands before a word that is also a command, and "[laughs] (applause)", as
# transcripts write sounds, as PHP. "Lost & Found" and "Thank you; make sure." pass. So a few events of many get 403 on every
# attempt, for what a caller is called or says. JSON above 131,072 bytes gets 413 (SecRequestBodyNoFilesLimit).
# A route that checks a signature can do without the body's inspection, and then takes all of it:
#   SecRule REQUEST_URI "@beginsWith /webhooks" "id:1000,phase:1,pass,nolog,ctl:requestBodyAccess=Off"
#
# Needs node. Fails when a text is answered otherwise. Uses Debian 12's packages, unpacked and not installed; Apache listens
# on 127.0.0.1.
set -euo pipefail
folder=$(mktemp -d)
chmod 755 "$folder"
trap '[ ! -s "$folder/apache.pid" ] || kill "$(cat "$folder/apache.pid")" 2>/dev/null || true; rm -rf "$folder"' EXIT
cd "$folder"
apt-get download --quiet modsecurity-crs=3.3.4-1+deb12u3 libapache2-mod-security2=2.9.7-1+deb12u2 apache2-bin libapr1 libaprutil1 \
  liblua5.1-0 libyajl2 >/dev/null 2>&1
for package in *.deb; do dpkg-deb --extract "$package" root; done
export LD_LIBRARY_PATH
LD_LIBRARY_PATH=$(dirname "$(find "$folder/root" -name 'libapr-1.so.0' | head -1)")
sed 's/^SecRuleEngine .*/SecRuleEngine On/; /^SecAudit/d; /^SecUnicodeMapFile/d' \
  root/etc/modsecurity/modsecurity.conf-recommended >engine.conf
sed "s#/usr/share#$folder/root/usr/share#; s#/etc/modsecurity#$folder/root/etc/modsecurity#" \
  root/usr/share/modsecurity-crs/owasp-crs.load >rules.conf

cat >probe.mjs <<'JS'
import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { createServer as createSocketServer } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'

const folder = process.cwd()
const listen = (server) => new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server.address().port)))
const behind = await listen(createServer((request, response) => request.resume().on('end', () => response.writeHead(204).end())))
const free = createSocketServer()
const port = await listen(free)
await new Promise((resolve) => free.close(resolve))

const modules = `${folder}/root/usr/lib/apache2/modules`
writeFileSync('apache.conf', `
ServerRoot ${folder}
ServerName localhost
Listen 127.0.0.1:${port}
PidFile ${folder}/apache.pid
DefaultRuntimeDir ${folder}
Mutex file:${folder}
ErrorLog ${folder}/error.log
LoadModule mpm_event_module ${modules}/mod_mpm_event.so
LoadModule authz_core_module ${modules}/mod_authz_core.so
LoadModule unique_id_module ${modules}/mod_unique_id.so
LoadModule proxy_module ${modules}/mod_proxy.so
LoadModule proxy_http_module ${modules}/mod_proxy_http.so
LoadModule security2_module ${modules}/mod_security2.so
SecRule REQUEST_URI "@beginsWith /uninspected" "id:1000,phase:1,pass,nolog,ctl:requestBodyAccess=Off"
Include ${folder}/engine.conf
Include ${folder}/rules.conf
ProxyPass / http://127.0.0.1:${behind}/
${process.getuid() === 0 ? 'User nobody\nGroup nogroup' : ''}
`)
const started = spawnSync('root/usr/sbin/apache2', ['-f', `${folder}/apache.conf`], { encoding: 'utf8' })
if (started.status !== 0) throw new Error(`expected Apache to start\n${started.stdout}${started.stderr}`)

const post = (path, text) => fetch(`http://127.0.0.1:${port}${path}`, {
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify({ type: 'call.created', data: { from: { name: text } } }),
  signal: AbortSignal.timeout(20_000),
}).then(async (reply) => (await reply.text(), reply.status))
const whenUp = async () => {
  for (let tries = 0; ; tries++) {
    try {
      return await post('/webhooks', 'Maya')
    } catch (error) {
      if (tries === 100) throw error
      await delay(100)
    }
  }
}
await whenUp()

const texts = {
  'Lost & Found': 204,
  'Thank you; make sure.': 204,
  "O'Brien, 5 or 6 o'clock": 204,
  'Search & Find GmbH': 403,
  'Time & Date AS': 403,
  'It is broken; more than once.': 403,
  '[laughs] (applause)': 403,
}
let failed = false
const check = async (path, name, text, expected) => {
  const status = await post(path, text)
  failed ||= status !== expected
  console.log(`${path} ${name}: ${status}${status === expected ? '' : `, expected ${expected}`}`)
}
for (const [text, status] of Object.entries(texts)) await check('/webhooks', JSON.stringify(text), text, status)
await check('/webhooks', '131,000 letters', 'a'.repeat(131_000), 204)
await check('/webhooks', '131,073 letters', 'a'.repeat(131_073), 413)
for (const text of Object.keys(texts)) await check('/uninspected', JSON.stringify(text), text, 204)
await check('/uninspected', '200,000 letters', 'a'.repeat(200_000), 204)
process.exit(failed ? 1 : 0)
JS
echo "modsecurity-crs $(dpkg-deb --field modsecurity-crs_*.deb Version), ModSecurity $(dpkg-deb --field libapache2-mod-security2_*.deb Version)"
node probe.mjs
