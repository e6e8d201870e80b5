// Numbers of every country as Google's libphonenumber writes them, compared as the search compares them.

import { createRequire } from 'node:module'
import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import { isSameNumber } from '../../src/domain/search/phone-number.ts'
import { run, workFolder } from './programs.ts'

type PhoneNumber = { getCountryCode(): number }
type Library = {
  PhoneNumberFormat: Record<'E164' | 'INTERNATIONAL' | 'NATIONAL' | 'RFC3966', number>
  PhoneNumberType: Record<string, number>
  PhoneNumberUtil: {
    getInstance(): {
      getSupportedRegions(): string[]
      getExampleNumberForType(region: string, type: number): PhoneNumber | null
      format(number: PhoneNumber, format: number): string
      formatOutOfCountryCallingNumber(number: PhoneNumber, region: string): string
      getNationalSignificantNumber(number: PhoneNumber): string
      getNddPrefixForRegion(region: string, strip: boolean): string | null
    }
  }
}

const TYPES = ['FIXED_LINE', 'MOBILE', 'TOLL_FREE', 'SHARED_COST', 'PREMIUM_RATE', 'VOIP', 'UAN', 'PERSONAL_NUMBER']
const CALLED_FROM = ['US', 'GB', 'AU', 'JP', 'RU', 'BR', 'SG', 'HK', 'KR', 'CO']

let library: Library
beforeAll(async () => {
  const folder = await workFolder('phone-numbers')
  const options = ['--prefix', folder, '--ignore-scripts', '--no-audit', '--no-fund', '--no-package-lock']
  await run('npm', ['install', ...options, 'google-libphonenumber@3.2.47'])
  library = createRequire(join(folder, 'index.js'))('google-libphonenumber') as Library
})

test('a number in every spelling of google-libphonenumber 3.2.47 is the same number, but for those of six digits and fewer', () => {
  const { E164, INTERNATIONAL, NATIONAL, RFC3966 } = library.PhoneNumberFormat
  const util = library.PhoneNumberUtil.getInstance()
  const missed: string[] = []
  let compared = 0
  for (const region of util.getSupportedRegions())
    for (const type of TYPES) {
      const number = util.getExampleNumberForType(region, library.PhoneNumberType[type]!)
      if (!number) continue
      const e164 = util.format(number, E164)
      const spellings = [INTERNATIONAL, NATIONAL, RFC3966].map((format) => util.format(number, format))
      for (const from of CALLED_FROM) spellings.push(util.formatOutOfCountryCallingNumber(number, from))
      if (util.getNddPrefixForRegion(region, true) === '0')
        spellings.push(`+${number.getCountryCode()} (0)${util.getNationalSignificantNumber(number)}`)
      for (const spelling of spellings) {
        compared++
        if (!isSameNumber(spelling, e164)) missed.push(`${e164} ${spelling}`)
      }
    }
  expect(compared).toBeGreaterThan(14_000)
  // Argentina puts 15 into the middle of a mobile number; behind Iran's country code are as few as six digits.
  const explained = (pair: string) => pair === '+5491123456789 011 15-2345-6789' || pair.startsWith('+989601 ')
  const digitsOf = (pair: string) => pair.slice(pair.indexOf(' ')).replace(/\D/g, '').length
  expect(missed.filter((pair) => digitsOf(pair) > 7 && !explained(pair))).toEqual([])
  expect(missed.length).toBeLessThan(100)
})
