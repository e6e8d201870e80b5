// Bytes from lowercase hexadecimal digits, without a text in between: every attempt and every event has some.

const NONE = 255
const VALUE_OF = new Uint8Array(128).fill(NONE)
for (let value = 0; value < 16; value++) VALUE_OF[value.toString(16).charCodeAt(0)] = value

const DASH = '-'.charCodeAt(0)
const UUID_LENGTH = 36

/** The byte of the two digits at `i`; less than 0: they are none. */
export function byteAt(text: string, i: number): number {
  const high = VALUE_OF[text.charCodeAt(i)] ?? NONE
  const low = VALUE_OF[text.charCodeAt(i + 1)] ?? NONE
  return high === NONE || low === NONE ? -1 : (high << 4) | low
}

/** Writes the 16 bytes of a UUID at `at`. False: the text is none in its usual form. */
export function writeUuid(into: Uint8Array, text: string, at: number): boolean {
  if (text.length !== UUID_LENGTH) return false
  for (let i = 0; i < UUID_LENGTH; i += 2) {
    if (i === 8 || i === 13 || i === 18 || i === 23) if (text.charCodeAt(i++) !== DASH) return false
    const byte = byteAt(text, i)
    if (byte < 0) return false
    into[at++] = byte
  }
  return true
}
