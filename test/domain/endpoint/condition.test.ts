import { expect, test } from 'vitest'
import {
  conditionPaths,
  describeUnreadable,
  MAX_CANONICAL_LENGTH,
  MAX_CONDITION_LENGTH,
  reviewCondition,
  validateConditionText,
} from '../../../src/domain/endpoint/condition.ts'

// As Postgres writes them; test/gateway/admin/conditions.test.ts asks Postgres itself.
test.each([
  '($."data"."direction" == "inbound")',
  'strict ($."data"."seconds" > -5)',
  '!($."a" == 1)',
  '!(exists ($."a"))',
  'exists ($."data"."tags"[*]?(@ == "vip" && exists (@."x"?(@ > 1))))',
  '($."a" == 1) is unknown',
  '($."from"."number" starts with "+49")',
  '($."a"."size" == 1 || $."b".size() >= 2 && ($."c" != null || $."d" == true))',
  '($."a"[0] == 1 || $."a"[last] == 2 || $."a"[last - 1] == 3 || $."a"[0 to last] == 4 || $."a".*."b" == 1.5e+30)',
  '($."timestamp".datetime() > "2026-01-01".date())',
  '($."like_regex" == "** $x , keyvalue()")',
])('the condition %s is allowed', (canonical) => {
  expect(reviewCondition(canonical)).toBeNull()
})

test.each([
  ['$."data"."direction"', 'expected a predicate'],
  ['true', 'expected a predicate'],
  ['($."a" like_regex "^x" flag "i")', 'like_regex'],
  ['($.**."a" == 1)', '.**'],
  ['($."a"[0,1] == 1)', 'expected one subscript'],
  ['($."a"[$."b"] == 1)', 'not allowed there'],
  ['($."a" == $."b")', 'two paths'],
  ['exists ($."a"?(@ == 1 && exists ($."b")))', 'expected @ within a filter'],
  ['($"name" == 1)', 'no variables'],
  ['($."a" starts with $"name")', 'not allowed there'],
  ['($."a" + 1 > 2)', 'no arithmetic'],
  ['(-$."a" == 1)', 'no arithmetic'],
  ['($."a".keyvalue()."key" == "x")', '.keyvalue()'],
  ['($."a".datetime("HH24") == "10")', 'without an argument'],
  ['(($."a" == 1).type() == "boolean")', 'a method of one'],
  [`(${Array(17).fill('$."a" == 1').join(' || ')})`, 'at most 16 comparisons'],
  [`($."a" == ${'9'.repeat(MAX_CANONICAL_LENGTH)})`, 'shorter numbers'],
])('the condition %s is refused, and the reason names what is not allowed', (canonical, reason) => {
  expect(reviewCondition(canonical)).toContain(reason)
})

test('an empty condition, one that is too long, and one with a NUL or half a character are refused before Postgres reads them', () => {
  expect(validateConditionText('$.a == 1')).toBeNull()
  expect(validateConditionText('  ')).toContain('got none')
  expect(validateConditionText('x'.repeat(MAX_CONDITION_LENGTH))).toBeNull()
  expect(validateConditionText('x'.repeat(MAX_CONDITION_LENGTH + 1))).toContain('at most 1000 characters, got 1001')
  expect(validateConditionText('$.a == "\0"')).toContain('no NUL')
  expect(validateConditionText('$.a == "\ud800"')).toContain('whole Unicode')
})

test.each([
  ['$.data.direction = "inbound"', 'compare with =='],
  ["$.data.direction == 'inbound'", 'double quotes'],
  ['$.a == 1 and $.b == 2', 'write && for and'],
  ['data.direction == "inbound"', 'begin the path to a member with $'],
  ['$.a === "x"', 'compare a path with a value'],
])('a condition that Postgres cannot read, %s, is answered with advice', (text, advice) => {
  const message = describeUnreadable(text, { message: 'syntax error', detail: null })
  expect(message).toContain(advice)
  expect(message).toMatch(/^expected a SQL\/JSON path predicate such as .*, got ".*, which Postgres does not read/)
})

test('the paths of a condition end before filters and methods, and each is named once', () => {
  expect(
    conditionPaths(
      '($."data"."direction" == "inbound" && $."data"."direction" != "x") && exists ($."data"."tags"[*]?(@ == "vip")) || $."data"."a b"[0 to last]."n".double() > 1 && $."data".* == "$.no"',
    ),
  ).toEqual(['$.data.direction', '$.data.tags[*]', '$.data."a b"[0 to last].n', '$.data.*'])
})
