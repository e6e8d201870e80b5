import { describe, expect, test } from 'vitest'
import { readReplyBody } from '../../../src/domain/delivery/reply-body.ts'

const bytes = (...values: number[]) => Buffer.from(values)
const utf16be = (text: string) => Buffer.from(text, 'utf16le').swap16()
const MARK = '\ufeff'

const read = (body: Buffer, contentType?: string, more: { bodyTruncated?: boolean; encoding?: string } = {}) =>
  readReplyBody({
    reply: {
      statusCode: 200,
      headers: [
        ...(contentType === undefined ? [] : [['Content-Type', contentType] as [string, string]]),
        ...(more.encoding === undefined ? [] : [['content-encoding', more.encoding] as [string, string]]),
      ],
      body,
      bodyTruncated: more.bodyTruncated ?? false,
    },
    failure: null,
  })

describe('the body of a reply', () => {
  test.each<{ what: string; body: Buffer; type?: string; text: string }>([
    { what: 'UTF-8, undeclared', body: Buffer.from('Zoë 😀'), text: 'Zoë 😀' },
    { what: 'UTF-8', body: Buffer.from('Zoë'), type: 'text/plain; charset=UTF-8', text: 'Zoë' },
    { what: 'US-ASCII', body: Buffer.from('ok'), type: 'text/plain; charset=us-ascii', text: 'ok' },
    { what: 'US-ASCII that is UTF-8', body: Buffer.from('Zoë'), type: 'text/plain; charset=us-ascii', text: 'Zoë' },
    { what: 'Latin-1', body: Buffer.from('Zoë', 'latin1'), type: 'text/plain;charset=iso-8859-1', text: 'Zoë' },
    {
      what: 'Latin-1, quoted',
      body: Buffer.from('Zoë', 'latin1'),
      type: 'text/plain; charset="ISO-8859-1"',
      text: 'Zoë',
    },
    {
      what: 'Windows-1252',
      body: bytes(0x80, 0x93, 0xe9, 0x94),
      type: 'text/html; Charset=Windows-1252',
      text: '€“é”',
    },
    { what: 'ISO-8859-15', body: bytes(0xa4), type: 'text/plain; charset=iso-8859-15', text: '€' },
    { what: 'Windows-1251', body: bytes(0xcf, 0xf0), type: 'text/plain; charset=windows-1251', text: 'Пр' },
    { what: 'Shift JIS', body: bytes(0x83, 0x65), type: 'text/plain; charset=Shift_JIS', text: 'テ' },
    { what: 'GB 18030', body: bytes(0xc4, 0xe3), type: 'text/plain; charset=gb18030', text: '你' },
    { what: 'UTF-16, big-endian', body: utf16be('Zoë'), type: 'text/plain; charset=utf-16be', text: 'Zoë' },
    {
      what: 'UTF-16, little-endian',
      body: Buffer.from('Zoë', 'utf16le'),
      type: 'text/plain; charset=utf-16le',
      text: 'Zoë',
    },
    { what: 'UTF-16 with a mark', body: utf16be(`${MARK}Zoë`), type: 'text/plain; charset=utf-16', text: 'Zoë' },
    {
      what: 'UTF-16 with the other mark',
      body: Buffer.from(`${MARK}Zoë`, 'utf16le'),
      type: 'text/plain; charset=utf-16',
      text: 'Zoë',
    },
    { what: 'UTF-16 without a mark', body: utf16be('Zoë'), type: 'text/plain; charset=utf-16', text: 'Zoë' },
    { what: 'UTF-16 with a mark, undeclared', body: utf16be(`${MARK}Zoë`), text: 'Zoë' },
    {
      what: 'Latin-1 that XML declares',
      body: Buffer.from('<?xml version="1.0" encoding="ISO-8859-1"?><a>Zoë</a>', 'latin1'),
      type: 'text/xml',
      text: '<?xml version="1.0" encoding="ISO-8859-1"?><a>Zoë</a>',
    },
    {
      what: 'Latin-1 that a page declares',
      body: Buffer.from('<html><meta charset=latin1>Zoë', 'latin1'),
      type: 'text/html',
      text: '<html><meta charset=latin1>Zoë',
    },
    { what: 'nothing', body: Buffer.alloc(0), type: 'text/plain; charset=nonsense', text: '' },
  ])('the body of a reply in $what is decoded as declared, without a note', ({ body, type, text }) => {
    expect(read(body, type)).toEqual({ text, truncated: false, note: null })
  })

  test.each<{ what: string; body: Buffer; type?: string; encoding?: string; text: string; note: string }>([
    { what: 'that is no UTF-8', body: bytes(0x61, 0xff, 0x62), text: 'a\ufffdb', note: 'not valid UTF-8' },
    {
      what: 'that is not what it declares',
      body: bytes(0x61, 0xff),
      type: 'a/b; charset=utf-8',
      text: 'a\ufffd',
      note: 'not valid UTF-8',
    },
    {
      what: 'that is no Shift JIS',
      body: bytes(0x61, 0x81),
      type: 'a/b; charset=shift_jis',
      text: 'a\ufffd',
      note: 'not valid shift_jis',
    },
    {
      what: 'in a charset nobody knows',
      body: Buffer.from('ok'),
      type: 'a/b; charset=klingon',
      text: 'ok',
      note: '"klingon" is not known',
    },
    { what: 'that is packed', body: bytes(0x1f, 0x8b), encoding: 'gzip', text: '\x1f\ufffd', note: 'packed (gzip)' },
  ])('the body of a reply, $what, is kept with a note', ({ body, type, encoding, text, note }) => {
    const more = encoding === undefined ? {} : { encoding }
    expect(read(body, type, more)).toEqual({ text, truncated: false, note: expect.stringContaining(note) })
  })

  test('the body of a reply that was cut inside a character gets no note for it', () => {
    const cut = Buffer.from('Zoë').subarray(0, 3)
    expect(read(cut, undefined, { bodyTruncated: true })).toEqual({ text: 'Zo', truncated: true, note: null })
    expect(read(cut)).toMatchObject({ text: 'Zo\ufffd', note: expect.stringContaining('UTF-8') })
    const half = utf16be('Zoë').subarray(0, 5)
    expect(read(half, 'a/b; charset=utf-16be', { bodyTruncated: true })).toEqual({
      text: 'Zo',
      truncated: true,
      note: null,
    })
  })

  test('the body of a reply of 16 KiB in single-byte characters is at most 16 KiB of UTF-8', () => {
    const { text, truncated } = read(Buffer.alloc(16_384, 0xe9), 'text/plain; charset=latin1')!
    expect(text).toBe('é'.repeat(8_192))
    expect(truncated).toBe(true)
  })

  test('the body of a reply that broke off keeps the reason beside other notes', () => {
    const reply = { statusCode: 200, headers: [], body: bytes(0xff, 0x61), bodyTruncated: false }
    const failure = { code: 'connection_reset' as const, message: 'It broke off.' }
    expect(readReplyBody({ reply, failure })?.note).toMatch(/^It broke off\. .*UTF-8/)
    expect(readReplyBody({ reply: null, failure })).toBeNull()
  })
})
