import { expect, test } from 'vitest'
import { flattenStream, mapStream, type Stream, streamOf } from '../../src/live/live-stream.ts'

/** A stream of the given values that then waits for ever, until it is ended. */
function waitingAfter<T>(values: T[]): Stream<T> & { isEnded: () => boolean } {
  const ended = Promise.withResolvers<void>()
  let isEnded = false
  const stream = streamOf<T>(
    async () => {
      if (values.length > 0) return { value: values.shift()!, done: false }
      await ended.promise
      return { value: undefined, done: true }
    },
    async () => {
      isEnded = true
      ended.resolve()
    },
  )
  return Object.assign(stream, { isEnded: () => isEnded })
}

test('ending a mapped or flattened stream ends its source while a value is awaited', async () => {
  const source = waitingAfter([[1, 2], [], [3]])
  const stream = mapStream(flattenStream(source), (value) => value * 10)
  expect([(await stream.next()).value, (await stream.next()).value, (await stream.next()).value]).toEqual([10, 20, 30])
  const waiting = stream.next()
  await stream.return()
  expect(await waiting).toEqual({ value: undefined, done: true })
  expect(source.isEnded()).toBe(true)
})

test('a value that cannot be mapped ends the stream with the reason', async () => {
  const source = waitingAfter([1])
  const stream = mapStream(source, () => {
    throw new Error('not this one')
  })
  await expect(stream.next()).rejects.toThrow('not this one')
  expect(source.isEnded()).toBe(true)
})
