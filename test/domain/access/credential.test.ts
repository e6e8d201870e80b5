import { describe, expect, test } from 'vitest'
import { isCellName, parseCellUrls } from '../../../src/domain/access/cell.ts'
import { linesOfCells } from '../../../src/domain/access/cell-map.ts'
import {
  cellOfToken,
  KEY_PREFIX,
  keyHint,
  LINK_PREFIX,
  makeToken,
  SESSION_PREFIX,
} from '../../../src/domain/access/credential.ts'

/** Random bytes that are written `eu1_eu1_…`: the worst that chance can do. */
const likeACell = (size: number) => Buffer.from('eu1_'.repeat(11), 'base64url').subarray(0, size)
const PREFIXES = [KEY_PREFIX, LINK_PREFIX, SESSION_PREFIX]

describe('the cell that a token names', () => {
  test('a token of a cell names it, and a token of no cell names none whatever its random bytes are', () => {
    for (const prefix of PREFIXES) {
      expect(cellOfToken(makeToken(prefix, 'eu1', likeACell))).toBe('eu1')
      expect(cellOfToken(makeToken(prefix, null, likeACell))).toBeNull()
    }
    for (const text of ['', 'sivo_', 'sivo_eu1_short', `sivo_EU1_${'a'.repeat(43)}`, `key_eu1_${'a'.repeat(43)}`])
      expect(cellOfToken(text)).toBeNull()
  })

  test('a key of a cell has the form that secret scanners look for, and its hint names the cell', () => {
    const key = makeToken(KEY_PREFIX, 'eu1', likeACell)
    expect(key).toMatch(/sivo_[A-Za-z0-9_-]{43}/)
    expect(keyHint(key)).toBe(`sivo_eu1_…${key.slice(-4)}`)
  })

  test('a map for HAProxy leads each token to its cell, and no token of no cell anywhere', () => {
    const lines = linesOfCells(['eu1', 'us1']).map((line) => line.split(' '))
    const backendsOf = (text: string) =>
      lines.flatMap(([pattern, backend]) => (new RegExp(pattern!).test(text) ? [backend] : []))
    expect(backendsOf(makeToken(KEY_PREFIX, 'us1', likeACell))).toEqual(['cell_us1'])
    expect(backendsOf(makeToken(SESSION_PREFIX, 'eu1', likeACell))).toEqual(['cell_eu1'])
    expect(backendsOf(makeToken(KEY_PREFIX, null, likeACell))).toEqual([])
    expect(['us1', 'eu1.state', 'eu10', 'eu2'].map(backendsOf)).toEqual([['cell_us1'], ['cell_eu1'], [], []])
  })
})

describe('names and addresses of cells', () => {
  test('a name of a cell has letters and digits only, because an underline ends it in a key', () => {
    expect(['eu1', 'a', 'a'.repeat(16)].every(isCellName)).toBe(true)
    expect(['', '1eu', 'eu_1', 'eu-1', 'EU1', 'a'.repeat(17), 'eu1\n'].some(isCellName)).toBe(false)
  })

  test('addresses of cells are read as pairs, and a wrong or repeated one makes the whole text wrong', () => {
    const read = (text: string) => parseCellUrls(text, (url) => (url.startsWith('https:') ? url : undefined))
    expect(read('eu1=https://a, us1=https://b')).toEqual(
      new Map([
        ['eu1', 'https://a'],
        ['us1', 'https://b'],
      ]),
    )
    expect(read('')).toEqual(new Map())
    for (const text of ['eu1', '=https://a', 'eu1=', 'eu_1=https://a', 'eu1=https://a,eu1=https://b', 'eu1=ftp://a'])
      expect(read(text)).toBeUndefined()
  })
})
