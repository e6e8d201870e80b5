import { hash } from 'node:crypto'
import { expect, test } from 'vitest'
import { searchKey } from '../../../src/database/search-index.ts'
import { EVENT_TYPES } from '../../../src/domain/event-types/catalogue.ts'
import { termsOfEvent } from '../../../src/domain/search/terms.ts'
import { acceptedBodies } from '../../field-cases/accepted-before.ts'
import { readFieldCases } from '../../field-cases/publish.ts'
import KNOWN from './terms.json' with { type: 'json' }

const TENANT = '01890000-0000-7000-8000-0000000000e1'

test('what only a later reader takes for a number has its number beside the words that it had', () => {
  const termsOf = (number: string) =>
    termsOfEvent({ id: EVENT, subject: null, data: { number }, deliveryTails: [] }).slice(1)
  expect(termsOf('+1 415-555-0132 ext. 7')).toEqual(['#5550132'])
  expect(termsOf('+1 4155550132 Anexo 71')).toEqual(['#5550132', '+1', '4155550132', 'anexo', '71'])
  expect(termsOf('+14155550132,,81234567890#')).toEqual(['#5550132', '+14155550132', '81234567890#'])
  expect(termsOf('tel:+14155550132p81234567890')).toEqual(['#5550132', '34567890'])
})

// An index that was written stays, so an event must keep its terms in every release (decision 39): these are digests of them.
test('every field case, example and accepted body has the terms and keys that the index has of it', async () => {
  const hint =
    'A new type or case: add the line that the diff shows to terms.json. A line that changed: stored events would lose terms (decision 39).'
  expect(await digests(), hint).toEqual(KNOWN)
})

async function digests(): Promise<Record<string, string>> {
  const terms: Record<string, string[]> = {}
  const add = (name: string, data: unknown, subject: string | null = null) => {
    const each = termsOfEvent({ id: EVENT, subject, data, deliveryTails: [DELIVERY, OTHER_DELIVERY] })
    terms[name] ??= []
    terms[name].push(...each.map((term) => `${term} ${searchKey(TENANT, term)}`), '')
  }
  for (const { file, mapped_as_is, careful } of await readFieldCases()) {
    add(file, mapped_as_is, String(mapped_as_is['call_id'] ?? file))
    add(file, careful)
  }
  for (const { name, example } of EVENT_TYPES) add(name, example.data, example.subject ?? null)
  for (const { type, data } of acceptedBodies()) add(type, data)
  for (const text of SPELLINGS) {
    add('spellings', { any: text, number: [text], name: { text }, text }, text)
    for (const around of ['<', ' ', '"Ann" <sip:', ';', ', ', 'x'])
      add('spellings', { number: `${around}${text}`, other: `${text}${around}` })
  }
  return Object.fromEntries(
    Object.entries(terms).map(([name, each]) => [name, hash('sha256', each.join('\n')).slice(0, 16)]),
  )
}

const EVENT = '01890000-0000-7000-8000-12345678fea1'
const DELIVERY = '01890000-0000-7000-8000-0000000000d1'
const OTHER_DELIVERY = '01890000-0000-7000-8000-ffff0fff00d1'

const SPELLINGS = [
  ...['+44 20 7946 0958', '0044 20 7946 0958', '(020) 7946-0958', 'tel:+44-20-7946-0958', '+1 (415) 555-0132'],
  ...['sip:+442079460958@sbc.example.com', '+44 (0)20 7946 0958', '+39 (0)6 1234 5678', '0039 (0)6 1234 5678'],
  ...['+44 20 7946 0958 ext. 12', '+442079460958,,12#', 'tel:+44-20-7946-0958;ext=12', '8~10 44 20 7946 0958'],
  ...['+442079460958x7', '+442079460958 x 7', '+442079460958 extension: 77', '2079460958;12', '2079460958,12#'],
  ...[
    'sip:%2B442079460958@10.0.0.1',
    'SIP:%2b442079460958',
    'sips:2079460958;user=phone',
    'client:Ann',
    'client:2079460958',
  ],
  ...[
    '\u202a+44 20 7946 0958\u202c',
    '\uff0b\uff14\uff14 20 7946\u20130958',
    '\u0660\u0661\u0662\u0663\u0664\u0665\u0666\u0667',
  ],
  ...[
    '"Maya Okafor" <sip:+442079460958@sbc.example.com>;tag=1',
    'Maya <2079460958>',
    '<<2079460958>',
    '<>2079460958',
    '2079460958<',
  ],
  ...[
    'call_01m7qfe44t2c75fhs3ngt2jtm3',
    '1699999999.1234',
    '2107',
    '911',
    '*98',
    '#31#2079460958',
    '123456',
    '1234567',
  ],
  ...[
    '123456789012345',
    '1234567890123456',
    '000000000012345678',
    '00000',
    '0000001234567',
    '1.5',
    '-12.25',
    '1234567.12',
  ],
  ...[
    '2026-11-18T14:02:11.482Z',
    '2026-11-18',
    '2026-11-18 14:02',
    'https://example.com/a?b=1',
    'audio/wav',
    'A/B',
    'a/B',
  ],
  ...[
    'Zoë Müller',
    'ÅNGSTRÖM',
    'ﬁne',
    'İstanbul',
    'ẞtraße',
    'Ω\u0301mega',
    '山田 太郎',
    'Ann\u00a0Lee',
    'Ann\u3000Lee',
  ],
  ...[
    '...dots...',
    '-dash-',
    '…ellipsis…',
    'a',
    'ab',
    '',
    ' ',
    '\t\n',
    '[x1] {y2} (z3)',
    "it's",
    'a|b;c,d',
    'word:',
    ':word!?',
  ],
  ...[
    'maya.okafor@example.com',
    '12345678901234@example.com',
    'abcdefghijklmnopqrstuvwxyz',
    'abcdefghijklm1',
    'abcdefghijklmn1',
  ],
  ...[
    'x_abcdefghijklm1',
    'x_abcdefghijklmn1',
    'prefix_which_is_long_1',
    'inbound',
    'Inbound',
    'no_answer',
    'n'.repeat(33),
    '+',
    '+.',
    '()',
    '++44',
  ],
  ...[
    '550e8400-e29b-41d4-a716-446655440000',
    '2001:db8::1',
    '192.168.100.200',
    '10.0.0.1:5060',
    '12-34-56',
    '12/34/56/78',
    '1e9',
    '0x1F',
  ],
  ...[
    'tel:',
    'tel:911',
    'sip:ann@example.com',
    'sip:2107@example.com',
    '+442079460958@example.com',
    '020794609581,',
    '2079460958 ;',
  ],
  ...[
    '+7 495 123-45-67',
    '8 (495) 123-45-67',
    '375 29 123 45 67',
    '~',
    '.',
    '/',
    '1/2',
    '(1)',
    '(2079460958',
    '2079460958)',
    '\ud800',
    '\u0000',
  ],
]
