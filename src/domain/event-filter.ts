import { describeUnknownEventType, isEventType } from './event-type.ts'
import type { Issue } from './issue.ts'

/** Every error in an endpoint's list of event types. It needs at least one exact name of the catalogue, each once. */
export function checkEventTypes(eventTypes: readonly string[]): Issue[] {
  if (eventTypes.length === 0) {
    return [
      {
        path: [],
        message: 'expected at least one event type, got an empty list; leave the field out or send null for all types',
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
