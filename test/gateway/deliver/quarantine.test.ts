import { expect, test } from 'vitest'
import type { ClaimedDelivery } from '../../../src/gateway/deliver/claimed-delivery.ts'
import { createQuarantine, type Suspect } from '../../../src/gateway/deliver/quarantine.ts'
import type { EndpointTarget } from '../../../src/gateway/deliver/targets.ts'
import { FIRST_LIMIT } from '../../../src/gateway/fairness/concurrency-limit.ts'

type TestLane = { readonly limit: typeof FIRST_LIMIT }

const suspect = (id: string, fields: Partial<ClaimedDelivery> = {}): Suspect<TestLane> => ({
  lane: { limit: FIRST_LIMIT },
  delivery: { id, suspect: true, crashCount: 2, ...fields } as ClaimedDelivery,
  target: {} as EndpointTarget,
})

/** A quarantine; `told` has what it did, `marks` what it wrote down before. */
function openQuarantine(mark: (id: string) => boolean | Error) {
  const told: string[] = []
  const marks: { id: string; overtaken: string[] }[] = []
  const ends = new Map<string, () => void>()
  const quarantine = createQuarantine<TestLane>({
    async mark({ id }, overtaken) {
      marks.push({ id, overtaken: overtaken.map((each) => each.id) })
      const answer = mark(id)
      if (answer instanceof Error) throw answer
      return answer
    },
    onMarkFault: (error, { delivery }) => void told.push(`fault of ${delivery.id}: ${(error as Error).message}`),
    send({ delivery: { id } }) {
      told.push(`sent ${id}`)
      return new Promise<void>((resolve) => ends.set(id, resolve))
    },
    convict: ({ delivery: { id } }) => void told.push(`convicted ${id}`),
    putBack: ({ delivery: { id } }) => void told.push(`put back ${id}`),
  })
  const settled = () => new Promise((resolve) => setTimeout(resolve, 10))
  return { quarantine, told, marks, end: (id: string) => ends.get(id)?.(), settled }
}

test('a suspect is written down as watched before it is sent', async () => {
  const { quarantine, told, marks, settled } = openQuarantine(() => true)
  quarantine.add(suspect('a'))
  quarantine.send()
  await settled()
  expect(marks).toEqual([{ id: 'a', overtaken: [] }])
  expect(told).toEqual(['sent a'])
})

test('a suspect whose lease is lost is put back, silently', async () => {
  const { quarantine, told, settled } = openQuarantine(() => false)
  quarantine.add(suspect('a'))
  quarantine.send()
  await settled()
  expect(told).toEqual(['put back a'])
})

test('a fault of the database while a suspect is marked is reported, and the next mark names the overtaken ones again', async () => {
  let faults = 1
  const { quarantine, told, marks, settled } = openQuarantine((id) =>
    id === 'b' && faults-- > 0 ? new Error('the database is away') : true,
  )
  // The first one must be alone and takes long: after a second it is overtaken by the next.
  quarantine.add(suspect('a', { crashCount: 3 }))
  quarantine.send()
  quarantine.add(suspect('b', { crashCount: 3 }))
  await new Promise((resolve) => setTimeout(resolve, 1_100))
  expect(marks.at(-1)).toEqual({ id: 'b', overtaken: ['a'] })
  expect(told).toEqual(['sent a', 'fault of b: the database is away', 'put back b'])
  quarantine.add(suspect('c', { crashCount: 3 }))
  quarantine.send()
  await settled()
  expect(marks.at(-1)).toEqual({ id: 'c', overtaken: ['a'] })
  expect(told.at(-1)).toBe('sent c')
})

test('a suspect that was under watch at a death goes out alone', async () => {
  const { quarantine, told, end, settled } = openQuarantine(() => true)
  for (const id of ['a', 'b']) quarantine.add(suspect(id, { crashCount: 3 }))
  quarantine.send()
  await settled()
  expect(told).toEqual(['sent a'])
  end('a')
  await settled()
  expect(told).toEqual(['sent a', 'sent b'])
})

test('a suspect that was alone at three deaths is convicted, not sent', async () => {
  const { quarantine, told, settled } = openQuarantine(() => true)
  quarantine.add(suspect('a', { crashCount: 6 }))
  quarantine.send()
  await settled()
  expect(told).toEqual(['convicted a'])
})
