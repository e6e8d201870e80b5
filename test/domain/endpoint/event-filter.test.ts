import { describe, expect, test } from 'vitest'
import {
  filterAfter,
  includesType,
  validateEventTypes,
  validateFilterChange,
} from '../../../src/domain/endpoint/event-filter.ts'
import { CATALOGUE, EVENT_TYPES } from '../../../src/domain/event-types/catalogue.ts'

describe('the event types of an endpoint', () => {
  test('an operational event type must be named in a filter; no list includes it otherwise', () => {
    expect(includesType([], 'call.ended')).toBe(true)
    expect(includesType([], 'endpoint.disabled')).toBe(false)
    expect(includesType(['endpoint.disabled'], 'endpoint.disabled')).toBe(true)
    expect(includesType(['endpoint.disabled'], 'call.ended')).toBe(false)
  })

  test('the event types of an endpoint may be any names of the catalogue', () => {
    expect(validateEventTypes(EVENT_TYPES.map(({ name }) => name))).toEqual([])
    expect(validateEventTypes(['call.ended'])).toEqual([])
  })

  test.each<{ name: string; eventTypes: string[]; paths: string[][]; message: RegExp }>([
    {
      name: 'an empty list',
      eventTypes: [],
      paths: [[]],
      message: /^expected at least one event type, got an empty list/,
    },
    {
      name: 'an unknown name',
      eventTypes: ['call.ended', 'call.end'],
      paths: [['1']],
      message: /got "call\.end"; did you mean call\.ended/,
    },
    { name: 'a pattern', eventTypes: ['call.*'], paths: [['0']], message: /^expected an event type of the catalogue/ },
    { name: 'another case', eventTypes: ['Call.Ended'], paths: [['0']], message: /did you mean call\.ended/ },
    {
      name: 'a name twice',
      eventTypes: ['call.ended', 'call.created', 'call.ended'],
      paths: [['2']],
      message: /once, got call\.ended also at position 0/,
    },
  ])('are refused for $name', ({ eventTypes, paths, message }) => {
    const issues = validateEventTypes(eventTypes)
    expect(issues.map(({ path }) => path)).toEqual(paths)
    for (const issue of issues) expect(issue.message).toMatch(message)
  })

  test('all event types are those of publishers: a list with an operational type is a filter', () => {
    const whole = EVENT_TYPES.map(({ name }) => name)
    const everything = CATALOGUE.map(({ name }) => name)
    expect(validateEventTypes(everything)).toEqual([])
    expect(filterAfter({ eventTypes: whole }, [])).toEqual([])
    expect(filterAfter({ eventTypes: everything }, [])).toEqual(everything)
    expect(validateFilterChange({ eventTypes: everything, allEventTypes: true })).toMatchObject([
      { path: ['allEventTypes'] },
    ])
  })
})
