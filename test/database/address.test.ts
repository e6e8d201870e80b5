import { describe, expect, test } from 'vitest'
import { AddressError, readAddress } from '../../src/database/address.ts'

function problemsOf(url: string): readonly string[] {
  try {
    readAddress(url)
  } catch (error) {
    expect(error).toBeInstanceOf(AddressError)
    return (error as AddressError).problems
  }
  return []
}

describe('DATABASE_URL', () => {
  test('one host, as everybody writes it', () => {
    expect(readAddress('postgres://sivo:pa%40ss@db.test:6432/sivo?sslmode=verify-full')).toEqual({
      url: 'postgres://sivo:pa%40ss@db.test:6432/sivo?sslmode=verify-full',
      hosts: [{ host: 'db.test', port: 6432 }],
      wantsPrimary: false,
      settings: [],
      connectMs: 5_000,
    })
  })

  test.each<[string, { host: string; port: number }[]]>([
    ['postgresql://u@db/x', [{ host: 'db', port: 5432 }]],
    ['postgres:///x', []],
    ['postgres://u:p@[::1]:7000/x', [{ host: '::1', port: 7000 }]],
    ['postgres://u:p@w@h/x', [{ host: 'h', port: 5432 }]],
    ['postgres://u@/x?host=/var/run/postgresql', [{ host: '/var/run/postgresql', port: 5432 }]],
    ['postgres://u@%2Ftmp/x', [{ host: '/tmp', port: 5432 }]],
    [
      'postgres://u@one:1,two/x',
      [
        { host: 'one', port: 1 },
        { host: 'two', port: 5432 },
      ],
    ],
    [
      'postgres://u@/x?host=one,two&port=1,2',
      [
        { host: 'one', port: 1 },
        { host: 'two', port: 2 },
      ],
    ],
    [
      'postgres://u@/x?host=one,two&port=7',
      [
        { host: 'one', port: 7 },
        { host: 'two', port: 7 },
      ],
    ],
    [
      'postgres://u@[::1]:1,[::2]/x',
      [
        { host: '::1', port: 1 },
        { host: '::2', port: 5432 },
      ],
    ],
  ])('the hosts of %s', (url, hosts) => {
    expect(readAddress(url).hosts).toEqual(hosts)
  })

  test.each<[string, boolean]>([
    ['postgres://u@one,two/x', true],
    ['postgres://u@one,two/x?target_session_attrs=read-write', true],
    ['postgres://u@one/x?target_session_attrs=primary', true],
    ['postgres://u@one/x?target_session_attrs=any', false],
    ['postgres://u@one/x', false],
  ])('%s: whether a host is asked if it takes writes', (url, wantsPrimary) => {
    expect(readAddress(url).wantsPrimary).toBe(wantsPrimary)
  })

  test('settings of options come along, in the forms that Postgres takes', () => {
    const options = encodeURIComponent('-c work_mem=64MB --temp_buffers=8MB -cmy.note=a\\ b')
    expect(readAddress(`postgres://u@h/x?options=${options}`).settings).toEqual([
      ['work_mem', '64MB'],
      ['temp_buffers', '8MB'],
      ['my.note', 'a b'],
    ])
  })

  test('what the gateway does anyway may be asked for', () => {
    const { url, connectMs } = readAddress(
      'postgres://u@h/x?client_encoding=utf8&gssencmode=prefer&keepalives=1&channel_binding=prefer&connect_timeout=10',
    )
    expect(url).toBe('postgres://u@h:5432/x')
    expect(connectMs).toBe(10_000)
  })

  test.each<[string, RegExp]>([
    ['application_name=mine', /application_name: the gateway names its connections itself/],
    ['options=-c%20statement_timeout%3D1', /statement_timeout in options: the gateway sets it/],
    ['options=-c%20search_path%3Dmine', /search_path in options: SIVO_DATABASE_SCHEMA/],
    ['options=endpoint%3Dep-1', /options as "-c name=value", got "endpoint=ep-1"/],
    ['options=-c', /options as "-c name=value"/],
    ['schema=mine', /schema: SIVO_DATABASE_SCHEMA/],
    ['statement_timeout=5000', /statement_timeout: the gateway sets it/],
    ['pgbouncer=true', /pgbouncer: this version knows only/],
    ['client_encoding=latin1', /client_encoding: the gateway sets it/],
    ['channel_binding=require', /channel_binding: the driver cannot insist on it/],
    ['target_session_attrs=standby', /target_session_attrs=read-write .* got "standby"/],
    ['connect_timeout=0', /connect_timeout in seconds from 1 to 30, got "0"/],
    ['port=99999', /host:port/],
  ])('?%s is refused by name', (query, sentence) => {
    expect(problemsOf(`postgres://u:very-secret@h/x?${query}`)).toEqual([expect.stringMatching(sentence)])
  })

  test('every problem is told at once, and never the password', () => {
    const problems = problemsOf('postgres://u:very-secret@h:0/x?schema=a&max=1&options=-x&target_session_attrs=any,b')
    expect(problems).toHaveLength(5)
    expect(problems.join()).not.toContain('very-secret')
    expect(problemsOf('mysql://u:very-secret@h/x').join()).not.toContain('very-secret')
    expect(problemsOf('postgres://u:very secret@h/x y').join()).not.toContain('secret')
  })
})
