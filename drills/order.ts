// Whether requests came in the order of their lines.

/** The number of requests that came after one of their line with a higher sequence. `requests`: in the order in which they came. */
export function countOutOfOrder(requests: readonly { readonly line: string; readonly sequence: number }[]): number {
  const highest = new Map<string, number>()
  let count = 0
  for (const { line, sequence } of requests) {
    const before = highest.get(line) ?? Number.NEGATIVE_INFINITY
    if (sequence < before) count++
    highest.set(line, Math.max(before, sequence))
  }
  return count
}
