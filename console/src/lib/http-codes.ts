// HTTP status codes as people write them: 503, 5xx, 500-504, several of them with commas.

export const HTTP_CODES_EXPECTED = 'Write codes such as 503, 5xx or 500-504, with commas between them.'

/** The codes of a text, each as it was written; null if a part is none. */
export function readHttpCodes(text: string): string[] | null {
  const parts = text
    .toLowerCase()
    .replaceAll(/\s*(?:-|–|\.\.)\s*/g, '-')
    .split(/[,;\s]+/)
    .filter((part) => part !== '')
  return parts.every((part) => codesOf(part).length > 0) ? parts : null
}

/** All codes that the parts stand for, in their order. */
export function expandHttpCodes(parts: readonly string[]): number[] {
  return [...new Set(parts.flatMap(codesOf))].sort((a, b) => a - b)
}

/** The codes in short, with ranges: "404, 500-504". */
export function shortHttpCodes(codes: readonly number[]): string {
  const ranges: [number, number][] = []
  for (const code of [...codes].sort((a, b) => a - b)) {
    const last = ranges.at(-1)
    if (last && code === last[1] + 1) last[1] = code
    else ranges.push([code, code])
  }
  return ranges
    .map(([from, to]) =>
      to - from === 99 && from % 100 === 0 ? `${from / 100}xx` : from === to ? from : `${from}-${to}`,
    )
    .join(', ')
}

function codesOf(part: string): number[] {
  if (/^[1-5]xx$/.test(part)) return range(Number(part[0]) * 100, Number(part[0]) * 100 + 99)
  const [, from, to] = /^([1-9]\d\d)(?:-([1-9]\d\d))?$/.exec(part) ?? []
  if (from === undefined) return []
  return range(Number(from), Number(to ?? from))
}

function range(from: number, to: number): number[] {
  return Array.from({ length: Math.max(0, to - from + 1) }, (_, index) => from + index)
}
