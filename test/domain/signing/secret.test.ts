import { expect, test } from 'vitest'
import { liveSecrets } from '../../../src/domain/signing/secret.ts'

const at = (minute: number) => new Date(Date.UTC(2026, 10, 1, 12, minute))
const secret = (name: string, minute: number) => ({ name, activeFrom: at(minute) })
const namesAt = (secrets: ReturnType<typeof secret>[], minute: number) => {
  const { current, coming } = liveSecrets(secrets, at(minute))
  return [current?.name ?? null, coming?.name ?? null]
}

test('the newest active secret signs, and the earliest later one is the next, in any order', () => {
  const secrets = [secret('old', 0), secret('present', 10), secret('coming', 20), secret('later', 30)]
  for (const ordered of [secrets, secrets.toReversed(), [secrets[2]!, secrets[0]!, secrets[3]!, secrets[1]!]]) {
    expect(namesAt(ordered, 9)).toEqual(['old', 'present'])
    expect(namesAt(ordered, 10)).toEqual(['present', 'coming'])
    expect(namesAt(ordered, 25)).toEqual(['coming', 'later'])
    expect(namesAt(ordered, 31)).toEqual(['later', null])
  }
})

test('without an active secret none signs', () => {
  expect(namesAt([secret('coming', 20)], 10)).toEqual([null, 'coming'])
  expect(namesAt([], 10)).toEqual([null, null])
})
