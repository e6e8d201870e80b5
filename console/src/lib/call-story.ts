// The examples of the catalogue, grouped into calls: the events in order, with the time since the first one.

import type { Envelope } from '../components/events/catalogue.ts'

export type StoryEvent = { readonly type: string; readonly sequence: number | null; readonly afterMs: number }
export type Story = { readonly id: string; readonly events: readonly StoryEvent[]; readonly spanMs: number }

const FEWEST = 3

/** Every call with at least a few events, the longest first. Events of an agent belong to the call that is running. */
export function storiesOf(examples: readonly Envelope[]): Story[] {
  const inOrder = [...examples].sort((a, b) => Date.parse(a.timestamp) - Date.parse(b.timestamp))
  const calls = new Map<string, Envelope[]>()
  for (const example of inOrder) {
    const call = callOf(example)
    if (call) calls.set(call, [...(calls.get(call) ?? []), example])
  }
  for (const example of inOrder.filter((one) => callOf(one) === null)) {
    const nearest = [...calls.values()].reduce<Envelope[] | null>(
      (best, one) => (best === null || distance(one, example) < distance(best, example) ? one : best),
      null,
    )
    nearest?.push(example)
  }
  return [...calls]
    .filter(([, events]) => events.length >= FEWEST)
    .map(([id, events]) => {
      const sorted = events.sort((a, b) => Date.parse(a.timestamp) - Date.parse(b.timestamp))
      const first = Date.parse(sorted[0]!.timestamp)
      return {
        id,
        events: sorted.map(({ type, sequence, timestamp }) => ({
          type,
          sequence,
          afterMs: Date.parse(timestamp) - first,
        })),
        spanMs: Date.parse(sorted.at(-1)!.timestamp) - first,
      }
    })
    .sort((a, b) => b.events.length - a.events.length)
}

function callOf({ subject, data }: Envelope): string | null {
  if (subject?.startsWith('call_')) return subject
  return typeof data['call_id'] === 'string' ? data['call_id'] : null
}

function distance(events: readonly Envelope[], { timestamp }: Envelope): number {
  const at = Date.parse(timestamp)
  const first = Date.parse(events[0]!.timestamp)
  const last = Date.parse(events.at(-1)!.timestamp)
  return at < first ? first - at : at > last ? at - last : 0
}

/** More numbers than this for each event: a clock, in which gaps mean nothing. */
const NUMBERS_OF_A_COUNTER = 10

/**
 * The numbers that are missing before an event, out of the sequences of a call in their order; null where none is, or where
 * the publisher counts with a clock.
 */
export function gapBefore(
  sequences: readonly (number | null)[],
  index: number,
): { readonly from: number; readonly to: number } | null {
  const [before, at] = [sequences[index - 1] ?? null, sequences[index] ?? null]
  if (before === null || at === null || at <= before + 1) return null
  const counted = sequences.filter((sequence) => sequence !== null)
  const span = Math.max(...counted) - Math.min(...counted)
  return span > counted.length * NUMBERS_OF_A_COUNTER ? null : { from: before + 1, to: at - 1 }
}
