import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { GraphQLInterfaceType } from 'graphql'
import { expect, test } from 'vitest'
import {
  MAX_EXTERNAL_ID_LENGTH,
  MAX_METADATA_ENTRIES,
  MAX_METADATA_NAME_LENGTH,
  MAX_METADATA_VALUE_LENGTH,
} from '../../src/domain/endpoint/identity.ts'
import { schema } from '../../src/schema/index.ts'
import { CLOSE } from '../../src/server/access/close-codes.ts'
import {
  INTRODUCTION_MS,
  MAX_HEADER_BYTES,
  MAX_MESSAGE_BYTES,
  MAX_REQUEST_BYTES,
  MAX_SOCKETS_PER_CREDENTIAL,
  MAX_STREAMS_PER_CREDENTIAL,
  MAX_SUBSCRIPTIONS_PER_SOCKET,
  RATES,
  STALLED_MS,
} from '../../src/server/http/limits.ts'

const page = await readFile(join(import.meta.dirname, '../../docs/clients.md'), 'utf8')

test('docs/clients.md states the limits as they are', () => {
  const rateOf = ({ perSecond, burst }: { perSecond: number; burst: number }) =>
    [perSecond.toLocaleString('en'), burst.toLocaleString('en')] as const
  const [person, personAtOnce] = rateOf(RATES.VIEWER)
  const [service, serviceAtOnce] = rateOf(RATES.PUBLISHER)
  for (const row of [
    `| sockets of a key | ${MAX_SOCKETS_PER_CREDENTIAL} |`,
    `| subscriptions on a socket | ${MAX_SUBSCRIPTIONS_PER_SOCKET} |`,
    `| streams of server-sent events of a key | ${MAX_STREAMS_PER_CREDENTIAL} |`,
    `| a message on a socket | ${MAX_MESSAGE_BYTES / 1024} KiB |`,
    `| time to send \`connection_init\` | ${INTRODUCTION_MS / 1000} s |`,
    `| a request | ${MAX_REQUEST_BYTES / 1024 / 1024} MiB |`,
    `| headers of a request | ${MAX_HEADER_BYTES / 1024} KiB |`,
    `| requests of a key | ${person} a second for ADMIN and VIEWER, ${personAtOnce} at once; ${service} a second for OPERATOR and PUBLISHER, ${serviceAtOnce} at once |`,
    `| a reader of events that takes nothing | ${STALLED_MS / 1000} s |`,
  ])
    expect(page).toContain(row)
})

test('docs/clients.md names every code that ends a socket', () => {
  for (const code of [...Object.values(CLOSE).map(({ code }) => code), 1009, 4400, 4401, 4406, 4408, 4409, 4429])
    expect(page).toMatch(new RegExp(`^\\|[^|]*\\b${code}\\b`, 'm'))
})

test('docs/clients.md states the bounds of what an endpoint is known by', () => {
  const flowing = page.replaceAll('\n', ' ')
  expect(flowing).toContain(`An \`externalId\` has 1 to ${MAX_EXTERNAL_ID_LENGTH} characters`)
  expect(flowing).toContain(
    `at most ${MAX_METADATA_ENTRIES} texts, with names of 1 to ${MAX_METADATA_NAME_LENGTH} characters and values of at most ${MAX_METADATA_VALUE_LENGTH}`,
  )
})

test('docs/clients.md names each type of error to caches that have to be told', () => {
  const error = schema.getType('Error') as GraphQLInterfaceType
  const names = schema.getPossibleTypes(error).map(({ name }) => `'${name}'`)
  expect(page).toContain(`possibleTypes: { Error: [${names.sort().join(', ')}] }`)
})
