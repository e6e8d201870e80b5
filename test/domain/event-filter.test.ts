import { describe, expect, test } from 'vitest'
import { checkEventTypes } from '../../src/domain/event-filter.ts'
import { EVENT_TYPES } from '../../src/domain/event-type.ts'

describe('the event types of an endpoint', () => {
  test('are any names of the catalogue', () => {
    expect(checkEventTypes(EVENT_TYPES.map(({ name }) => name))).toEqual([])
    expect(checkEventTypes(['call.ended'])).toEqual([])
  })

  test.each<[string, string[], string[][], RegExp]>([
    ['an empty list', [], [[]], /^expected at least one event type, got an empty list/],
    ['an unknown name', ['call.ended', 'call.end'], [['1']], /came "call\.end"; did you mean call\.ended/],
    ['a pattern', ['call.*'], [['0']], /^expected an event type of the catalogue/],
    ['another case', ['Call.Ended'], [['0']], /did you mean call\.ended/],
    ['a name twice', ['call.ended', 'call.created', 'call.ended'], [['2']], /once, got call\.ended also at position 0/],
  ])('are refused for %s', (_, eventTypes, paths, message) => {
    const issues = checkEventTypes(eventTypes)
    expect(issues.map(({ path }) => path)).toEqual(paths)
    for (const issue of issues) expect(issue.message).toMatch(message)
  })
})
