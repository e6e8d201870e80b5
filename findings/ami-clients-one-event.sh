#!/usr/bin/env bash
# Clients of Asterisk's manager interface (AMI) do not make the same event of the same bytes.
#
# Asterisk repeats a header for each of its values: channelvars in manager.conf gives an event one ChanVariable line for each
# variable. Names are UTF-8, and TCP may end a packet inside a letter. Expected of each client: both variables and the name.
# npm asterisk-ami-client keeps the last ChanVariable alone. PyPI panoramisk decodes each packet by itself and drops what does
# not decode, so that Zoë, sent in two packets, is Zo. npm asterisk-manager has everything, and makes all names lower case.
#
# Fails when one of them reads more, or less. The server below sends what Asterisk sends.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
echo '{ "private": true }' >package.json
npm install --ignore-scripts --no-audit --no-fund --no-package-lock --loglevel=error \
  asterisk-ami-client@1.1.5 asterisk-manager@0.2.0 >/dev/null
python3 -m venv python
python/bin/pip install --quiet --disable-pip-version-check panoramisk==1.4

cat >client.py <<'PYTHON'
import asyncio
import json
import sys

import panoramisk


async def main():
    seen = asyncio.get_running_loop().create_future()
    manager = panoramisk.Manager(host="127.0.0.1", port=int(sys.argv[1]), username="u", secret="p")
    manager.register_event("QueueCallerJoin", lambda _, event: seen.done() or seen.set_result(event))
    await manager.connect()
    event = await asyncio.wait_for(seen, 20)
    print(json.dumps([event["CallerIDName"], event["ChanVariable"]], ensure_ascii=False))


asyncio.run(main())
PYTHON

cat >probe.cjs <<'JS'
const { spawn } = require('node:child_process')
const net = require('node:net')

const lines = ['Event: QueueCallerJoin', 'Queue: sales', 'CallerIDName: Zoë', 'ChanVariable: DID=+14155550132', 'ChanVariable: TRUNK=a', '', '']
const event = Buffer.from(lines.join('\r\n'))
const inside = event.indexOf('ë') + 1
const server = net.createServer((socket) => {
  socket.setNoDelay(true).on('error', () => {})
  socket.write('Asterisk Call Manager/9.0.0\r\n')
  socket.on('data', (data) => {
    for (const action of String(data).split('\r\n\r\n')) {
      const id = /^actionid: *(.*)$/im.exec(action)?.[1]
      if (!/^action: *login/im.test(action)) continue
      socket.write(`Response: Success\r\n${id ? `ActionID: ${id}\r\n` : ''}Message: Authentication accepted\r\n\r\n`)
      setTimeout(() => socket.write(event.subarray(0, inside)), 500)
      setTimeout(() => socket.write(event.subarray(inside)), 1_000)
    }
  })
})
const said = {}
const say = (name, value) => {
  said[name] = JSON.stringify(value)
  if (Object.keys(said).length < 3) return
  for (const each of Object.keys(said).sort()) console.log(`${each}: ${said[each]}`)
  process.exit(0)
}
server.listen(0, '127.0.0.1', () => {
  const { port } = server.address()
  const manager = require('asterisk-manager')(port, '127.0.0.1', 'u', 'p', true)
  manager.on('managerevent', ({ calleridname, chanvariable }) => say('asterisk-manager 0.2.0', [calleridname, chanvariable]))
  const client = new (require('asterisk-ami-client'))()
  client.on('event', ({ CallerIDName, ChanVariable }) => say('asterisk-ami-client 1.1.5', [CallerIDName, ChanVariable]))
  client.connect('u', 'p', { host: '127.0.0.1', port })
  let printed = ''
  const python = spawn('python/bin/python', ['client.py', String(port)], { stdio: ['ignore', 'pipe', 'inherit'] })
  python.stdout.on('data', (data) => (printed += data))
  python.on('close', () => say('panoramisk 1.4', JSON.parse(printed)))
})
setTimeout(() => process.exit(1), 40_000)
JS
came=$(node probe.cjs)
expected='asterisk-ami-client 1.1.5: ["Zoë","TRUNK=a"]
asterisk-manager 0.2.0: ["Zoë",{"DID":"+14155550132","TRUNK":"a"}]
panoramisk 1.4: ["Zo",["DID=+14155550132","TRUNK=a"]]'
printf '%s\n' "$came"
[ "$came" = "$expected" ] || { printf 'expected\n%s\n' "$expected"; exit 1; }
