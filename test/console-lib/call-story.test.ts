import { expect, test } from 'vitest'
import { gapBefore } from '../../console/src/lib/call-story.ts'

test.each([
  { sequences: [1, 2, 3], index: 2, gap: null, what: 'numbers without a gap' },
  { sequences: [1, 4], index: 1, gap: { from: 2, to: 3 }, what: 'a counter with a gap' },
  { sequences: [5, 7], index: 1, gap: { from: 6, to: 6 }, what: 'one number that is missing' },
  { sequences: [1_795_435_200_123, 1_795_435_204_711], index: 1, gap: null, what: 'a clock in milliseconds' },
  { sequences: [1, null, 4], index: 2, gap: null, what: 'an event without a sequence between' },
  { sequences: [1, 4], index: 0, gap: null, what: 'the first event' },
])('of $what the timeline says $gap', ({ sequences, index, gap }) => {
  expect(gapBefore(sequences, index)).toEqual(gap)
})
