import { randomBytes, randomUUID } from 'node:crypto'
import { TypeID } from 'typeid-js'
import { expect, test } from 'vitest'
import {
  createIdSource,
  fromPublicId,
  ID_PREFIX,
  type IdKind,
  kindOfId,
  toPublicId,
} from '../../../src/domain/values/id.ts'

const UUID = '01890a5d-ac96-774b-bcce-b302099a8057'

test('every type of id gets its prefix, and converts back to the same UUID', () => {
  for (const kind of Object.keys(ID_PREFIX) as IdKind[]) {
    const id = toPublicId(kind, UUID)
    expect(id).toMatch(new RegExp(`^${ID_PREFIX[kind]}_[0-9a-hjkmnp-tv-z]{26}$`))
    expect(fromPublicId(kind, id)).toBe(UUID)
    expect(kindOfId(id)).toBe(kind)
  }
})

test('a public id is the TypeID that the library typeid-js writes and reads', () => {
  const uuids = Array.from({ length: 500 }, () => randomUUID())
  for (const uuid of ['00000000-0000-0000-0000-000000000000', 'ffffffff-ffff-ffff-ffff-ffffffffffff', UUID, ...uuids])
    expect([toPublicId('event', uuid), fromPublicId('event', TypeID.fromUUID('evt', uuid).toString())]).toEqual([
      TypeID.fromUUID('evt', uuid).toString(),
      uuid,
    ])
})

test('malformed ids and ids of another type are unknown', () => {
  const id = toPublicId('event', UUID)
  for (const wrong of [
    '',
    'evt_',
    UUID,
    id.slice(0, -1),
    `${id}0`,
    id.toUpperCase(),
    id.replace('evt_', 'dlv_'),
    id.replace('evt_', 'evt_8').slice(0, -1),
    `evt_${'i'.repeat(26)}`,
    ` ${id}`,
    `${id}\n`,
  ])
    expect(fromPublicId('event', wrong)).toBeNull()
  expect(kindOfId('__proto___01h455vb4pex5vsknk084sn02q')).toBeNull()
})

test('each new id is greater than the one before, also within a millisecond and after the clock was set back', () => {
  let now = 1_700_000_000_000
  const newId = createIdSource(() => now, randomBytes)
  const ids: string[] = []
  for (let i = 0; i < 10_000; i++) ids.push(newId())
  now -= 60_000
  for (let i = 0; i < 100; i++) ids.push(newId())
  now += 120_000
  ids.push(newId())
  expect(ids).toEqual([...ids].sort())
  expect(new Set(ids).size).toBe(ids.length)
  expect(Number.parseInt(ids.at(-1)!.replaceAll('-', '').slice(0, 12), 16)).toBe(now)
  for (const id of ids) expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
})
