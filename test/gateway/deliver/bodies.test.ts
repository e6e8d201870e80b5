// Large bodies are read few at a time, and once for the deliveries of an event that go out together.

import { afterEach, describe, expect, test, vi } from 'vitest'
import { createBodyReader } from '../../../src/gateway/deliver/bodies.ts'

afterEach(() => vi.useRealTimers())

/** A table whose reads are answered by hand. */
function openTable() {
  const asked: string[] = []
  const answers: { resolve(body: string | null): void; reject(error: Error): void }[] = []
  const reader = createBodyReader((eventId) => {
    asked.push(eventId)
    return new Promise((resolve, reject) => answers.push({ resolve, reject }))
  })
  return { asked, answers, read: (eventId: string) => reader.read({ eventId, body: null }), reader }
}

const settled = () => new Promise((resolve) => setImmediate(resolve))

describe('the body of an event', () => {
  test('a body that came with its claim is not read', async () => {
    const { reader, asked } = openTable()
    expect(await reader.read({ eventId: 'a', body: '{"ü":1}' })).toEqual(Buffer.from('{"ü":1}'))
    expect(asked).toEqual([])
  })

  test('a body is read once for all its deliveries that go out together', async () => {
    const { asked, answers, read } = openTable()
    const together = Promise.all([read('a'), read('a'), read('b')])
    answers[0]!.resolve('the body of ä')
    answers[1]!.resolve('the other')
    expect((await together).map(String)).toEqual(['the body of ä', 'the body of ä', 'the other'])
    expect(String(await read('a'))).toBe('the body of ä')
    expect(asked).toEqual(['a', 'b'])
  })

  test('a body that could not be read, or was gone, is read again', async () => {
    const { asked, answers, read } = openTable()
    const failing = Promise.allSettled([read('a'), read('a')])
    answers[0]!.reject(new Error('The database is away.'))
    expect((await failing).map(({ status }) => status)).toEqual(['rejected', 'rejected'])
    const gone = read('a')
    answers[1]!.resolve(null)
    expect(await gone).toBeNull()
    void read('a')
    expect(asked).toEqual(['a', 'a', 'a'])
  })

  test('at most four bodies are read at the same time', async () => {
    const { asked, answers, read } = openTable()
    const all = Promise.all(['a', 'b', 'c', 'd', 'e', 'f'].map(read))
    expect(asked).toHaveLength(4)
    answers[2]!.resolve('c')
    await settled()
    expect(asked).toEqual(['a', 'b', 'c', 'd', 'e'])
    answers[0]!.resolve('a')
    await settled()
    for (const i of [1, 3, 4, 5]) answers[i]!.resolve(['a', 'b', 'c', 'd', 'e', 'f'][i]!)
    expect((await all).map(String)).toEqual(['a', 'b', 'c', 'd', 'e', 'f'])
  })
})

describe('a shared body', () => {
  test('a shared body is kept for five seconds', async () => {
    vi.useFakeTimers()
    const { asked, answers, read } = openTable()
    const first = read('a')
    answers[0]!.resolve('a')
    await first
    vi.advanceTimersByTime(4_900)
    await read('a')
    expect(asked).toEqual(['a'])
    vi.advanceTimersByTime(200)
    void read('a')
    expect(asked).toEqual(['a', 'a'])
  })

  test('the oldest shared bodies are dropped when more than eight megabytes are shared', async () => {
    const { asked, answers, read } = openTable()
    for (let i = 0; i < 5; i++) {
      const reading = read(`event ${i}`)
      answers[i]!.resolve('x'.repeat(2_000_000))
      await reading
    }
    for (let i = 4; i >= 1; i--) await read(`event ${i}`)
    expect(asked).toHaveLength(5)
    void read('event 0')
    expect(asked).toHaveLength(6)
  })
})
