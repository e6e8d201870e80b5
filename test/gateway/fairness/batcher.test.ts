import { describe, expect, test } from 'vitest'
import { type BatcherOptions, createBatcher } from '../../../src/gateway/fairness/batcher.ts'

type Item = { owner: string; name: string; bytes?: number }

function failure(code: string): Error {
  return Object.assign(new Error(code), { code })
}

/** A batcher over a database that does what `write` says. `batches` holds the flushes in their order. */
function batcherOver(
  write: (names: string[], repeated: boolean) => Promise<void> | void,
  options: Partial<BatcherOptions<Item, string>> = {},
) {
  const batches: string[][] = []
  const batcher = createBatcher<Item, string>({
    async flush(items, repeated) {
      const names = items.map(({ name }) => name)
      batches.push(names)
      await write(names, repeated)
      return names.map((name) => `${name} written`)
    },
    weigh: ({ bytes = 1 }) => bytes,
    owner: ({ owner }) => owner,
    patience: async () => true,
    monotonicMs: () => performance.now(),
    maxItems: 4,
    maxBytes: 1_000,
    parallel: 1,
    ...options,
  })
  const submit = (name: string, owner = 'a', bytes = 1) => batcher.submit({ owner, name, bytes })
  return { batcher, batches, submit }
}

/** A write that waits until the test opens the gate. */
function gate() {
  let open = () => {}
  const opened = new Promise<void>((resolve) => {
    open = resolve
  })
  return { opened, open: () => open() }
}

test('an idle batcher flushes an item at once, and items that arrive during the flush go together in the next one', async () => {
  const first = gate()
  const { batches, submit, batcher } = batcherOver((names) => (names[0] === '1' ? first.opened : undefined))
  const answers = [submit('1')]
  await Promise.resolve()
  answers.push(submit('2'), submit('3'))
  expect(batches).toEqual([['1']])
  expect(batcher.waiting).toBe(2)
  first.open()
  expect(await Promise.all(answers)).toEqual(['1 written', '2 written', '3 written'])
  expect(batches).toEqual([['1'], ['2', '3']])
})

test('under load a flush waits for further items; a full batch does not wait, nor does the first item after it', async () => {
  const { batches, submit, batcher } = batcherOver(() => {}, { linger: { ms: 200, after: 3 } })
  const beganMs = performance.now()
  await Promise.all([submit('1'), submit('2')])
  await Promise.all([submit('3'), submit('4'), submit('5')])
  expect(performance.now() - beganMs, 'small flushes do not linger').toBeLessThan(100)
  const lingering = [submit('6')]
  await new Promise((resolve) => setTimeout(resolve, 20))
  expect(batches).toEqual([
    ['1', '2'],
    ['3', '4', '5'],
  ])
  lingering.push(submit('7'))
  await Promise.all(lingering)
  expect(performance.now() - beganMs).toBeGreaterThan(190)
  expect(batches.at(-1)).toEqual(['6', '7'])
  await Promise.all([submit('8'), submit('9'), submit('10')])
  const fullMs = performance.now()
  await Promise.all([submit('11'), submit('12'), submit('13'), submit('14')])
  expect(performance.now() - fullMs, 'a full batch goes at once').toBeLessThan(100)
  void submit('15')
  await batcher.idle()
  expect(batches.at(-1)).toEqual(['15'])
})

test('items that follow each other closely go together; an item that comes alone, or that somebody awaits, goes at once', async () => {
  let nowMs = 0
  const company = { ms: 100, isAwaited: ({ name }: Item) => name.startsWith('awaited') }
  const { batches, submit, batcher } = batcherOver(() => {}, { company, monotonicMs: () => nowMs })
  await submit('alone')
  nowMs = 150
  await submit('alone again')
  nowMs = 200
  const together = [submit('a')]
  await new Promise((resolve) => setTimeout(resolve, 20))
  expect(batches, 'the item waits for company').toEqual([['alone'], ['alone again']])
  nowMs = 250
  together.push(submit('b'))
  nowMs = 300
  await Promise.all(together)
  expect(batches.at(-1)).toEqual(['a', 'b'])
  nowMs = 310
  const waits = submit('c')
  await new Promise((resolve) => setTimeout(resolve, 20))
  await Promise.all([submit('awaited'), waits])
  expect(batches.at(-1), 'it takes along what waits').toEqual(['c', 'awaited'])
  void submit('last')
  await batcher.idle()
  expect(batches.at(-1)).toEqual(['last'])
})

test('a flood delays only itself: every batch takes items from all owners in turn', async () => {
  const { batches, submit } = batcherOver(() => {})
  const flood = [1, 2, 3, 4, 5, 6, 7, 8].map((n) => submit(`flood${n}`, 'flood'))
  await Promise.all([...flood, submit('calm1', 'calm'), submit('calm2', 'calm')])
  expect(batches).toEqual([
    ['flood1', 'calm1', 'flood2', 'calm2'],
    ['flood3', 'flood4', 'flood5', 'flood6'],
    ['flood7', 'flood8'],
  ])
})

describe('the cool-down of an owner with a large part of a flush', () => {
  const FLUSH_MS = 40
  /** Flushes take a while; `startMs` is when each began. */
  function slowBatcher() {
    const startMs = new Map<string, number>()
    const made = batcherOver(
      (names) => {
        for (const name of names) startMs.set(name, performance.now())
        return new Promise((resolve) => setTimeout(resolve, FLUSH_MS))
      },
      { parallel: 2, coolDown: { fromBytes: 100, fromItems: 3 } },
    )
    return { ...made, startMs }
  }

  test('a cool-down lasts twice as long as the flush while other owners are active, and they are served during it', async () => {
    const { submit, startMs, batches } = slowBatcher()
    await submit('calm1', 'calm')
    const flood = submit('flood1', 'flood', 100).then(() => submit('flood2', 'flood', 100))
    await Promise.resolve()
    await submit('calm2', 'calm')
    await submit('calm3', 'calm')
    await flood
    expect(batches).toEqual([['calm1'], ['flood1'], ['calm2'], ['calm3'], ['flood2']])
    expect(startMs.get('flood2')! - startMs.get('flood1')!).toBeGreaterThan(3 * FLUSH_MS - 5)
  })

  test('a cool-down counts only the time of the owner’s own part of the flush', async () => {
    const { submit, startMs, batches } = slowBatcher()
    await Promise.all([submit('a1', 'a', 250), submit('b1', 'b', 250), submit('c1', 'c', 250), submit('d1', 'd', 250)])
    await submit('a2', 'a', 250)
    expect(batches).toEqual([['a1', 'b1', 'c1', 'd1'], ['a2']])
    expect(startMs.get('a2')! - startMs.get('a1')!).toBeGreaterThan(1.5 * FLUSH_MS - 5)
    expect(startMs.get('a2')! - startMs.get('a1')!).toBeLessThan(3 * FLUSH_MS - 5)
  })

  test('a cool-down begins with the flush: the owner has one flush at a time, and its later items keep their order', async () => {
    const { submit, startMs, batches } = slowBatcher()
    await submit('calm', 'calm')
    await Promise.all([1, 2, 3].map((n) => submit(`flood${n}`, 'flood', 400)))
    expect(batches).toEqual([['calm'], ['flood1', 'flood2'], ['flood3']])
    expect(startMs.get('flood3')! - startMs.get('flood1')!).toBeGreaterThan(2 * FLUSH_MS)
  })

  test('an owner with a small part, or one that is alone, has no cool-down', async () => {
    const { submit, batches } = slowBatcher()
    const goesAtOnce = async (first: string, then: string, bytes: number) => {
      await submit(first, 'flood', bytes)
      const second = submit(then, 'flood', bytes)
      await Promise.resolve()
      expect(batches.at(-1)).toEqual([then])
      await second
    }
    await goesAtOnce('alone1', 'alone2', 100)
    await submit('calm', 'calm')
    await goesAtOnce('small1', 'small2', 99)
  })

  test('an owner that is alone with few items has no cool-down and two flushes at a time', async () => {
    const { submit, batches } = slowBatcher()
    const first = submit('1', 'flood', 900)
    await Promise.resolve()
    const second = submit('2', 'flood', 900)
    await Promise.resolve()
    expect(batches).toEqual([['1'], ['2']])
    await Promise.all([first, second])
  })

  test('a cool-down lasts half as long as the flush for an owner that is alone with many items, so that more of them come together', async () => {
    const { submit, startMs, batches } = slowBatcher()
    const first = Promise.all([1, 2, 3].map((n) => submit(`first${n}`, 'many', 40)))
    await Promise.resolve()
    const later = [submit('early', 'many', 40)]
    await first
    later.push(submit('late', 'many', 40))
    await Promise.all(later)
    expect(batches).toEqual([
      ['first1', 'first2', 'first3'],
      ['early', 'late'],
    ])
    expect(startMs.get('early')! - startMs.get('first1')!).toBeGreaterThan(1.5 * FLUSH_MS - 5)
  })

  test('a batcher in a cool-down is not idle', async () => {
    const { submit, batcher, batches } = slowBatcher()
    await submit('calm', 'calm')
    void submit('flood1', 'flood', 900)
    await Promise.resolve()
    void submit('flood2', 'flood', 900)
    await batcher.idle()
    expect(batches).toEqual([['calm'], ['flood1'], ['flood2']])
  })
})

test('a batch is bounded in bytes, and an item above the bound goes alone', async () => {
  const { batches, submit } = batcherOver(() => {})
  await Promise.all([
    submit('1', 'a', 600),
    submit('2', 'a', 300),
    submit('3', 'a', 200),
    submit('huge', 'a', 5_000),
    submit('4'),
  ])
  expect(batches).toEqual([['1', '2'], ['3'], ['huge'], ['4']])
})

test.each(['22P05', '23514', '54000'])(
  'an item with bad data (%s) fails alone, and the others of its batch are written',
  async (code) => {
    const { batches, submit } = batcherOver((names) => {
      if (names.includes('bad')) throw failure(code)
    })
    const settled = await Promise.allSettled(['1', 'bad', '2', '3'].map((name) => submit(name)))
    expect(settled.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled', 'fulfilled'])
    expect(batches).toEqual([['1', 'bad', '2', '3'], ['1', 'bad'], ['1'], ['bad'], ['2', '3']])
  },
)

test('an item with bad data is written in its other form, which is tried once', async () => {
  const refused = new Set(['bad', 'worse', 'worse, rescued'])
  const { submit } = batcherOver(
    (names) => {
      if (names.some((name) => refused.has(name))) throw failure('22021')
    },
    { rescue: (item) => ({ ...item, name: `${item.name}, rescued` }) },
  )
  const [good, bad, worse] = await Promise.allSettled(['good', 'bad', 'worse'].map((name) => submit(name)))
  expect(good).toMatchObject({ value: 'good written' })
  expect(bad).toMatchObject({ value: 'bad, rescued written' })
  expect(worse).toMatchObject({ status: 'rejected' })
})

test('a batch that met a deadlock is repeated whole, and not as one that may have been committed', async () => {
  let failures = 3
  const seen: boolean[] = []
  const { batches, submit } = batcherOver((_names, repeated) => {
    seen.push(repeated)
    if (failures-- > 0) throw failure('40P01')
  })
  expect(await Promise.all([submit('1'), submit('2')])).toEqual(['1 written', '2 written'])
  expect(batches).toEqual(Array(4).fill(['1', '2']))
  expect(seen).toEqual([false, false, false, false])
})

test.each(['ECONNRESET', '08006', '57P01', '53300', '55P03', '57014'])(
  'while the database is away (%s) the same items are sent again, as ones that may have been committed',
  async (code) => {
    let failures = 2
    const seen: boolean[] = []
    const { submit, batcher } = batcherOver((_names, repeated) => {
      seen.push(repeated)
      if (failures-- > 0) throw failure(code)
    })
    expect(await submit('1')).toBe('1 written')
    expect(seen).toEqual([false, true, true])
    await batcher.idle()
  },
)

test('patience ends by the clock, even if a single try takes long', async () => {
  let now = 0
  const waited: number[] = []
  const { batches, submit } = batcherOver(
    () => {
      now += 5_000
      throw failure('ECONNREFUSED')
    },
    {
      monotonicMs: () => now,
      patience: async (waitedMs) => {
        waited.push(waitedMs)
        return waitedMs < 12_000
      },
    },
  )
  await expect(submit('1')).rejects.toThrow('ECONNREFUSED')
  expect(waited).toEqual([5_000, 10_000, 15_000])
  expect(batches).toHaveLength(3)
})

test('a refusal after an error that leaves a commit open does not say that nothing was stored', async () => {
  const codes = ['53100', 'ECONNRESET', '55P03', '55P03']
  const { submit } = batcherOver(
    () => {
      throw failure(codes.shift()!)
    },
    { patience: async () => codes.length > 0 },
  )
  await expect(submit('1')).rejects.toThrow('ECONNRESET')
})

test('any other fault rejects only its own batch, and the next batch is flushed', async () => {
  const { submit, batcher } = batcherOver((names) => {
    if (names.includes('1')) throw new TypeError('a fault of ours')
  })
  await expect(submit('1')).rejects.toThrow('a fault of ours')
  expect(await submit('2')).toBe('2 written')
  await batcher.idle()
  expect(batcher.waiting).toBe(0)
})
