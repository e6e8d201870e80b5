// The header lines of a reply as text.

const ABOVE_ASCII = /[\x80-\xff]/
const UTF_8 = new TextDecoder('utf-8', { fatal: true })

/** Names and values in the order they came. A value is UTF-8 where its bytes are that, and Latin-1 otherwise. */
export function readHeaders(raw: readonly Buffer[]): [string, string][] {
  const headers: [string, string][] = []
  for (let index = 0; index + 1 < raw.length; index += 2) {
    headers.push([raw[index]!.toString('latin1'), readValue(raw[index + 1]!)])
  }
  return headers
}

function readValue(bytes: Buffer): string {
  const text = bytes.toString('latin1')
  if (!ABOVE_ASCII.test(text)) return text
  try {
    return UTF_8.decode(bytes)
  } catch {
    return text
  }
}
