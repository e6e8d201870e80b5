// The condition of an endpoint: a SQL/JSON path predicate over the envelope of an event, such as
// `$.data.direction == "inbound"`. Postgres reads and evaluates it. This file decides which predicates are allowed: those
// whose cost grows no faster than the size of the event, because they are evaluated in the statement that stores a publish.
//
// Not allowed, and why:
// - `like_regex`: some expressions take time without bound.
// - `.**`, `.keyvalue()`, lists of subscripts, and `$` within a filter: each can multiply the cost by the size of the event.
// - A comparison of two paths: it compares each element of one array with each of the other.
// - Arithmetic: numbers grow with each multiplication.
// - Variables: there are none, and Postgres fails on them even where it is told to be silent.

import { showValue } from '../values/issue.ts'

/** In characters. */
export const MAX_CONDITION_LENGTH = 1_000
/** The most comparisons and `exists` in one condition. */
const MAX_CONDITION_TERMS = 16
/** The longest form in which Postgres may write a condition of the greatest length: it writes `1e30` with all its digits. */
export const MAX_CANONICAL_LENGTH = 8_000

const EXAMPLE = '$.data.direction == "inbound"'

/** What is wrong with a condition before Postgres reads it; null: nothing. */
export function validateConditionText(text: string): string | null {
  if (text.trim() === '') return `expected a condition such as ${EXAMPLE}, got none; leave it out instead, or send null`
  if (text.length > MAX_CONDITION_LENGTH)
    return `expected at most ${MAX_CONDITION_LENGTH} characters, got ${text.length}; write it shorter, or make two endpoints`
  if (text.includes('\0') || !text.isWellFormed())
    return 'expected whole Unicode characters and no NUL, got others; remove them'
  return null
}

/** The message for a condition that Postgres cannot read. `problem` is what Postgres says. */
export function describeUnreadable(text: string, problem: { message: string; detail: string | null }): string {
  const said = [problem.message, problem.detail].filter(Boolean).join(': ').replace(/\.$/, '')
  return `expected a SQL/JSON path predicate such as ${EXAMPLE}, got ${showValue(text)}, which Postgres does not read (${said}); ${adviseSyntax(text)}`
}

function adviseSyntax(text: string): string {
  const bare = text.replace(STRING, '""')
  if (bare.includes("'")) return 'write texts in double quotes'
  if (/(^|[^=!<>])=([^=]|$)/.test(bare)) return 'compare with =='
  if (/\s(and|or|not)\s/i.test(bare)) return 'write && for and, || for or, !( ) for not'
  if (!/[$@]/.test(bare)) return 'begin the path to a member with $, which is the whole envelope'
  return 'compare a path with a value, such as $.data.duration_seconds > 60'
}

/**
 * What is not allowed in a condition that Postgres can read; null: it is allowed. `canonical` is the condition as Postgres
 * writes it.
 */
export function reviewCondition(canonical: string): string | null {
  if (canonical.length > MAX_CANONICAL_LENGTH) return 'expected shorter numbers, got one with thousands of digits'
  try {
    return new Review(canonical).whole()
  } catch (error) {
    if (error instanceof NotAllowed) return error.message
    throw error
  }
}

/**
 * The paths that a condition looks at, such as `$.data.direction`, in the order in which they stand, each once. Each ends
 * before a filter or a method. `canonical` is the condition as Postgres writes it; each path is one that Postgres reads.
 */
export function conditionPaths(canonical: string): string[] {
  const tokens = tokensOf(canonical)
  const paths = new Set<string>()
  for (const [at, token] of tokens.entries()) if (token === '$') paths.add(pathFrom(tokens, at))
  return [...paths]
}

const SIMPLE_MEMBER = /^"([A-Za-z_][A-Za-z_0-9]*)"$/

function pathFrom(tokens: readonly string[], start: number): string {
  let path = '$'
  for (let at = start + 1; at < tokens.length; ) {
    if (tokens[at] === '.' && (tokens[at + 1] === '*' || tokens[at + 1]?.startsWith('"'))) {
      path += `.${tokens[at + 1]!.replace(SIMPLE_MEMBER, '$1')}`
      at += 2
    } else if (tokens[at] === '[') {
      const end = tokens.indexOf(']', at)
      path += `[${tokens.slice(at + 1, end).join(' ')}]`
      at = end + 1
    } else break
  }
  return path
}

class NotAllowed extends Error {}

const STRING = /"(?:[^"\\]|\\.)*"/g
// The order matters: longer operators first.
const TOKEN =
  /\s*("(?:[^"\\]|\\.)*"|\*\*|&&|\|\||==|!=|<=|>=|[-]?\d[\d.]*(?:[eE][-+]?\d+)?|[A-Za-z_][A-Za-z_0-9]*|[$@.*[\](){}?,!<>+\-/%])/y
const COMPARISONS = new Set(['==', '!=', '<', '<=', '>', '>='])
const LITERAL = /^("|-?\d|true$|false$|null$)/
/** Methods that read one value and give one, in a time that does not depend on the value. */
const METHODS = new Set(
  `type size double number integer bigint string boolean abs ceiling floor
  date datetime time time_tz timestamp timestamp_tz`.split(/\s+/),
)

function tokensOf(canonical: string): string[] {
  const tokens: string[] = []
  TOKEN.lastIndex = 0
  for (let at = 0; at < canonical.trimEnd().length; at = TOKEN.lastIndex) {
    const token = TOKEN.exec(canonical)?.[1]
    if (token === undefined) throw new NotAllowed(`expected a predicate, got ${showValue(canonical.slice(at))} in it`)
    tokens.push(token)
  }
  return tokens
}

/** Walks a condition as Postgres writes it: members are quoted, and parentheses stand around each predicate in another. */
class Review {
  readonly #tokens: readonly string[]
  #at = 0
  #terms = 0

  constructor(canonical: string) {
    this.#tokens = tokensOf(canonical)
  }

  whole(): string | null {
    this.#take('strict')
    if (this.#isPathAlone())
      return `expected a predicate such as ${EXAMPLE}, got a path alone; compare it with a value, or write exists( ) around it`
    this.#anyOf(false)
    if (this.#next !== undefined) throw this.#unexpected()
    if (this.#terms > MAX_CONDITION_TERMS)
      return `expected at most ${MAX_CONDITION_TERMS} comparisons and exists, got ${this.#terms}; make two endpoints`
    return null
  }

  get #next(): string | undefined {
    return this.#tokens[this.#at]
  }

  /** A path or a value with nothing that makes a predicate of it. */
  #isPathAlone(): boolean {
    return /^[$"\d-]|^(true|false|null)$/.test(this.#next ?? '')
  }

  #take(token: string): boolean {
    if (this.#next !== token) return false
    this.#at++
    return true
  }

  #expect(token: string): void {
    if (!this.#take(token)) throw this.#unexpected()
  }

  #unexpected(): NotAllowed {
    const token = this.#next
    if (token === 'like_regex')
      return new NotAllowed('expected no like_regex, whose time has no bound, got one; use starts with, or ==')
    if (token === '**')
      return new NotAllowed(
        'expected a path that names its members, got .**, which visits all of them; name the members',
      )
    if (token === ',')
      return new NotAllowed('expected one subscript, got a list of them; write a comparison for each, or [*] for all')
    if (token && /^[-+*/%]$/.test(token))
      return new NotAllowed(`expected no arithmetic, got ${token}; compare the member itself with a value`)
    return new NotAllowed(
      `expected comparisons with values, exists( ) and starts with, joined by &&, || and !( ); got ${token === undefined ? 'an end' : token}, which is not allowed there`,
    )
  }

  #anyOf(inFilter: boolean): void {
    do this.#predicate(inFilter)
    while (this.#take('&&') || this.#take('||'))
  }

  #predicate(inFilter: boolean): void {
    if (this.#take('!')) {
      this.#expect('(')
      this.#anyOf(inFilter)
      this.#expect(')')
    } else if (this.#take('exists')) {
      this.#terms++
      this.#expect('(')
      if (!this.#path(inFilter)) throw this.#unexpected()
      this.#expect(')')
    } else if (this.#take('(')) {
      this.#anyOf(inFilter)
      this.#expect(')')
      if (this.#take('is')) this.#expect('unknown')
      else if (this.#next === '.')
        throw new NotAllowed('expected a predicate, got a method of one; leave the method out')
    } else this.#comparison(inFilter)
  }

  #comparison(inFilter: boolean): void {
    this.#terms++
    const left = this.#operand(inFilter)
    if (this.#take('starts')) {
      this.#expect('with')
      if (!this.#next?.startsWith('"')) throw this.#unexpected()
      this.#at++
      return
    }
    if (!COMPARISONS.has(this.#next ?? '')) throw this.#unexpected()
    this.#at++
    const right = this.#operand(inFilter)
    if (left === 'path' && right === 'path')
      throw new NotAllowed('expected a comparison of a path with a value, got one of two paths; compare with a value')
  }

  #operand(inFilter: boolean): 'path' | 'value' {
    if (this.#path(inFilter)) return 'path'
    if (!LITERAL.test(this.#next ?? '')) throw this.#unexpected()
    this.#at++
    while (this.#take('.')) this.#method()
    return 'value'
  }

  #path(inFilter: boolean): boolean {
    if (this.#next !== '$' && this.#next !== '@') return false
    if (this.#take('$')) {
      if (this.#next?.startsWith('"'))
        throw new NotAllowed(`expected no variables, got $${this.#next.slice(1, -1)}; write the value itself`)
      if (inFilter)
        throw new NotAllowed('expected @ within a filter, got $, the whole envelope; compare it outside of the filter')
    } else this.#at++
    while (this.#accessor());
    return true
  }

  #accessor(): boolean {
    if (this.#take('.')) {
      if (this.#take('*')) return true
      if (this.#next?.startsWith('"')) this.#at++
      else this.#method()
      return true
    }
    if (this.#take('[')) {
      if (!this.#take('*')) this.#subscript()
      this.#expect(']')
      return true
    }
    if (!this.#take('?')) return false
    this.#expect('(')
    this.#anyOf(true)
    this.#expect(')')
    return true
  }

  #method(): void {
    const name = this.#next ?? ''
    if (!METHODS.has(name)) {
      if (!/^[a-z]/.test(name)) throw this.#unexpected()
      throw new NotAllowed(`expected one of the methods ${[...METHODS].join(', ')}; got .${name}()`)
    }
    this.#at++
    this.#expect('(')
    if (this.#next !== ')') throw new NotAllowed(`expected .${name}() without an argument, got one; leave it out`)
    this.#at++
  }

  /** One number, `last`, `last - 1`, or a range of them. */
  #subscript(): void {
    do {
      if (this.#take('last')) {
        if (this.#next?.startsWith('-')) this.#at += this.#next === '-' ? 2 : 1
      } else if (/^-?\d+$/.test(this.#next ?? '')) this.#at++
      else throw this.#unexpected()
    } while (this.#take('to'))
  }
}
