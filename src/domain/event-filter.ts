import { describeUnknownEventType, isEventType } from './event-type.ts'
import type { Issue } from './issue.ts'

/** What is wrong with the list of an endpoint's event types: exact catalogue names, each once, at least one. */
export function checkEventTypes(eventTypes: readonly string[]): Issue[] {
  if (eventTypes.length === 0) {
    return [{ path: [], message: 'expected at least one event type, came an empty list; leave it out or null for all' }]
  }
  const seen = new Map<string, number>()
  const issues: Issue[] = []
  for (const [at, name] of eventTypes.entries()) {
    const first = seen.get(name)
    if (!isEventType(name)) issues.push({ path: [String(at)], message: describeUnknownEventType(name) })
    else if (first === undefined) seen.set(name, at)
    else issues.push({ path: [String(at)], message: `expected each event type once; ${name} is also at ${first}` })
  }
  return issues
}
