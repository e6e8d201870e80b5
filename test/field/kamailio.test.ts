// Kamailio with the configuration of docs/adapters/kamailio.md, between two telephones that call each other; what its
// records become is published.

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { freePort } from '../../src/dev/free-port.ts'
import { extractDocumentedCode } from '../adapters/documented-code.ts'
import { openPublisher } from '../field-cases/publish.ts'
import { has, workFolder } from './programs.ts'
import { openTelephones, type Telephones } from './telephones.ts'

const PRINT_RECORDS = `
loadmodule "xlog.so"
loadmodule "rtimer.so"
modparam("rtimer", "timer", "name=each_second;interval=1;mode=1;")
modparam("rtimer", "exec", "timer=each_second;route=PRINT")
route[PRINT] {
  while (mq_fetch("records")) { xlog("L_ALERT", "RECORD $mqv(records)\\n"); }
}`

let telephones: Telephones
let kamailio: ChildProcess
const records: Record<string, string>[] = []

beforeAll(async () => {
  if (!has('kamailio')) return
  const folder = await workFolder('kamailio')
  const page = await readFile(join(import.meta.dirname, '../../docs/adapters/kamailio.md'), 'utf8')
  const port = await freePort()
  telephones = await openTelephones(port)
  const configuration = `debug=0
log_stderror=yes
children=1
disable_tcp=yes
listen=udp:127.0.0.1:${port}
${/^```kamailio\n([\s\S]*?)^```$/m.exec(page)![1]!.replace('\nroute[CALL]', `${PRINT_RECORDS}\nroute[CALL]`)}
request_route {
  if ($tt != $null) { loose_route(); t_relay(); exit; }
  if (method == "CANCEL") { t_relay(); exit; }
  route(CALL);
  $du = "sip:127.0.0.1:${telephones.calledPort}";
  t_relay();
}
`
  await writeFile(join(folder, 'kamailio.cfg'), configuration)
  kamailio = spawn('kamailio', ['-f', 'kamailio.cfg', '-DD', '-E', '-m', '64', '-w', folder, '-Y', folder], {
    cwd: folder,
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let said = ''
  kamailio.stderr!.on('data', (data) => {
    const lines = `${said}${data}`.split('\n')
    said = lines.pop()!
    for (const line of lines) if (line.includes('RECORD ')) records.push(JSON.parse(line.slice(line.indexOf('{'))))
  })
})
afterAll(async () => {
  if (!kamailio) return
  telephones.close()
  const ended = once(kamailio, 'exit')
  kamailio.kill()
  await ended
})

test.skipIf(!has('kamailio'))(
  'records of Kamailio become events that are published without a warning, from calls that are answered, refused or given up',
  async () => {
    await telephones.call({ id: 'one', name: '"Zo\u00c3\u00ab \\"Z\\"" ', answer: true, endedBy: 'caller' })
    await telephones.call({ id: 'two', name: '"Zo\u00eb" ', answer: true, endedBy: 'called' })
    await telephones.call({ id: 'three', name: '', answer: false, endedBy: 'called' })
    await telephones.call({ id: 'four', name: '"Zoe" ', answer: false, endedBy: 'caller', privacy: 'id' })
    await expect.poll(() => records.length).toBe(4)

    const code = await extractDocumentedCode()
    const publisher = await openPublisher()
    try {
      const adapter = await code.adapter('kamailio')
      const events = records.flatMap((record) => adapter.toEvents(record))
      expect(
        events.map(({ data }) => {
          const { status, from, hangup, durations } = data as Record<string, Record<string, unknown>>
          return [
            status,
            from!['number_kind'],
            from!['name'],
            hangup!['source'],
            hangup!['sip_code'],
            durations!['total_seconds'],
          ]
        }),
      ).toEqual([
        ['completed', 'e164', 'Zoë "Z"', 'caller', null, 2],
        ['completed', 'e164', null, 'callee', null, 2],
        ['busy', 'e164', null, null, 486, 1],
        ['canceled', 'withheld', null, 'caller', 487, 1],
      ])
      const { events: stored, skipped } = await publisher.publish(events, 'SKIP')
      expect(skipped).toEqual([])
      expect(stored!.flatMap(({ warnings }) => warnings)).toEqual([])
    } finally {
      await publisher.close()
      await code.remove()
    }
  },
)
