import { cp, readFile } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type LiveGateway, openLiveGateway } from '../live/live-gateway.ts'
import { openRawSocket } from '../support/raw-socket.ts'
import { has, run, workFolder } from './programs.ts'

let gateway: LiveGateway
let said: Record<string, string>
beforeAll(async () => {
  gateway = await openLiveGateway()
  if (!has('java', 'mvn')) return
  const folder = await workFolder('spring')
  await cp(join(import.meta.dirname, 'spring'), folder, { recursive: true })
  await run('mvn', ['-q', '-B', 'compile', 'dependency:build-classpath', '-Dmdep.outputFile=classpath.txt'], {
    cwd: folder,
  })
  const classpath = [join(folder, 'target/classes'), await readFile(join(folder, 'classpath.txt'), 'utf8')]
  const cursor = await cursorOfNow()
  await gateway.deliver(150)
  const args = ['SpringProbe', gateway.url, gateway.key, cursor]
  const { stdout } = await run('java', ['-cp', classpath.join(delimiter), ...args])
  const lines = stdout.split('\n').filter((line) => line.startsWith('PROBE '))
  said = Object.fromEntries(lines.map((line) => line.slice(6).split(' | ') as [string, string]))
}, 600_000)
afterAll(() => gateway.close())

async function cursorOfNow(): Promise<string> {
  const socket = await openRawSocket(gateway.url, `Bearer ${gateway.key}`)
  socket.send({ type: 'subscribe', id: '1', payload: { query: 'subscription { deliveryUpdates { cursor } }' } })
  const { payload } = await socket.next(({ type }) => type === 'next')
  socket.ws.terminate()
  return payload.data.deliveryUpdates.cursor
}

test.skipIf(!has('java', 'mvn'))('Spring for GraphQL 1.4 asks over RestClient with h2c and over WebClient', () => {
  expect(said).toMatchObject({ JdkClientHttpRequestFactory: '{role=VIEWER}', HttpGraphQlClient: '{role=VIEWER}' })
})

test.skipIf(!has('java', 'mvn'))('an OffsetDateTime at midnight, which Java writes without seconds, is a time', () => {
  expect(said['OffsetDateTime 2099-11-28T00:00Z']).toBe('[]')
})

test.skipIf(!has('java', 'mvn'))('Spring for GraphQL reads the code of a refused key', () => {
  expect(said['401']).toBe('UNAUTHENTICATED')
})

test.skipIf(!has('java', 'mvn'))(
  'Spring for GraphQL watches deliveries over a websocket whose upgrade has the key',
  () => {
    expect(said['WebSocketGraphQlClient']).toBe('[{resyncRequired=false, deliveries=[]}]')
  },
)

test.skipIf(!has('java', 'mvn'))(
  'Spring for GraphQL watches deliveries over server-sent events, which come without a comment',
  () => {
    expect(said['server-sent events']).toBe(
      '[{resyncRequired=false, deliveries=[]}, {resyncRequired=false, deliveries=[]}]',
    )
  },
)

test.skipIf(!has('java', 'mvn'))('Spring for GraphQL takes batches above 64 KiB with the recipe alone', () => {
  expect(said['large batches by default']).toBe('disconnected without a status')
  expect(said['large batches with the recipe']).toBe('100')
})
