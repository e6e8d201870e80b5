import { describeUnknownEventType, EVENT_TYPES, isEventType, isOperational } from '../event-types/catalogue.ts'
import type { Issue } from '../values/issue.ts'

/** Every error in an endpoint's list of event types. It needs at least one exact name of the catalogue, each once. */
export function validateEventTypes(eventTypes: readonly string[]): Issue[] {
  if (eventTypes.length === 0) {
    return [
      {
        path: [],
        message:
          'expected at least one event type, got an empty list; send allEventTypes: true in an update, or leave the field out of a creation, for all types',
      },
    ]
  }
  const seen = new Map<string, number>()
  const issues: Issue[] = []
  for (const [at, name] of eventTypes.entries()) {
    const first = seen.get(name)
    if (!isEventType(name)) issues.push({ path: [String(at)], message: describeUnknownEventType(name) })
    else if (first === undefined) seen.set(name, at)
    else
      issues.push({
        path: [String(at)],
        message: `expected each event type once, got ${name} also at position ${first}; remove one of them`,
      })
  }
  return issues
}

/** Whether a stored list of event types includes a type. An empty list is every type but the operational ones. */
export function includesType(eventTypes: readonly string[], type: string): boolean {
  return eventTypes.length === 0 ? !isOperational(type) : eventTypes.includes(type)
}

/** What an update says of the filter. Typed clients write null for what is not set. */
export type FilterChange = {
  readonly eventTypes?: readonly string[] | null
  readonly allEventTypes?: boolean | null
}

/** Every reason why a change of the filter is refused, whatever the filter is now. Paths begin at the field. */
export function validateFilterChange({ eventTypes, allEventTypes }: FilterChange): Issue[] {
  if (eventTypes === null && !allEventTypes)
    return [
      {
        path: ['eventTypes'],
        message:
          'expected a list of event types, got null; leave the field out to keep the present ones, or send allEventTypes: true for all of them',
      },
    ]
  if (allEventTypes && eventTypes && !isWholeCatalogue(eventTypes))
    return [
      {
        path: ['allEventTypes'],
        message: 'expected either allEventTypes: true or a list of event types, got both; send one of them',
      },
    ]
  return eventTypes
    ? validateEventTypes(eventTypes).map((issue) => ({ ...issue, path: ['eventTypes', ...issue.path] }))
    : []
}

/**
 * The filter that a valid change makes of the stored one; both are stored as a list, and an empty list is every type.
 * Whatever was read can be written back and changes nothing: an endpoint that receives all types lists the whole
 * catalogue, and that list alone does not become its filter. Only `allEventTypes: true` removes a filter, so a client
 * that writes null for what is not set wipes nothing.
 */
export function filterAfter({ eventTypes, allEventTypes }: FilterChange, stored: readonly string[]): readonly string[] {
  if (allEventTypes) return []
  if (!eventTypes || sameTypes(eventTypes, stored)) return stored
  return stored.length === 0 && allEventTypes == null && isWholeCatalogue(eventTypes) ? stored : [...eventTypes]
}

function isWholeCatalogue(types: readonly string[]): boolean {
  return sameTypes(
    types,
    EVENT_TYPES.map(({ name }) => name),
  )
}

function sameTypes(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && new Set([...one, ...other]).size === one.length
}
