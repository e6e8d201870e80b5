import { isEventType } from '../event-types/catalogue.ts'
import { parseDuration } from '../retry-schedule.ts'

/**
 * 'transcript.segment=1m,agent.status_changed=10m' → how long events of each type are of use, in milliseconds; undefined if
 * the text is something else.
 */
export function parseEventTtls(text: string): ReadonlyMap<string, number> | undefined {
  const entries = text.split(',').filter((entry) => entry.trim() !== '')
  const ttls = new Map<string, number>()
  for (const entry of entries) {
    const [type = '', duration = '', ...more] = entry.split('=').map((part) => part.trim())
    if (more.length > 0 || !isEventType(type) || ttls.has(type)) return undefined
    ttls.set(type, parseDuration(duration))
  }
  return ttls
}
