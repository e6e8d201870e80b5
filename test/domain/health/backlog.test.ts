import { describe, expect, test } from 'vitest'
import { type BacklogLook, type BacklogStep, decideBacklog } from '../../../src/domain/health/backlog.ts'

const NOW = Date.UTC(2026, 10, 23, 12)
const MINUTE = 60_000
const AFTER_MS = 5 * MINUTE

/** A look at which the oldest delivery had waited for this long; null: none was due. */
const look = (atMinute: number, waitedMinutes: number | null): BacklogLook => ({
  lookedAt: new Date(NOW + atMinute * MINUTE),
  oldestDueAt: waitedMinutes === null ? null : new Date(NOW + (atMinute - waitedMinutes) * MINUTE),
})

type Case = { name: string; before: BacklogLook | null; now: BacklogLook; isTold?: boolean; step: BacklogStep }

const CASES: Case[] = [
  {
    name: 'is told of if it has waited for five minutes and longer than before',
    before: look(0, 4.5),
    now: look(1, 5.1),
    step: 'growing',
  },
  { name: 'of less than five minutes is not told of', before: look(0, 4), now: look(1, 4.9), step: 'nothing' },
  {
    name: 'that shrinks is not told of, also when it is old',
    before: look(0, 600),
    now: look(1, 580),
    step: 'nothing',
  },
  { name: 'that stays as old as it was is not told of', before: look(0, 90), now: look(1, 90), step: 'nothing' },
  { name: 'is not told of at the first look', before: null, now: look(0, 600), step: 'nothing' },
  { name: 'is told of once', before: look(0, 6), now: look(1, 7), isTold: true, step: 'nothing' },
  {
    name: 'is over when half of the five minutes is left',
    before: look(0, 3),
    now: look(1, 2.4),
    isTold: true,
    step: 'over',
  },
  { name: 'is not over before', before: look(0, 3), now: look(1, 2.6), isTold: true, step: 'nothing' },
  { name: 'is over when nothing is due', before: look(0, 30), now: look(1, null), isTold: true, step: 'over' },
]

describe('a backlog', () => {
  test.each(CASES)('a backlog $name', ({ before, now, isTold = false, step }) => {
    expect(decideBacklog(before, now, { isTold, afterMs: AFTER_MS })).toBe(step)
  })
})
