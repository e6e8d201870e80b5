// Forms headers by what is known of earlier ones. Most headers have the form of those before them, so that one is tried first.

import { fitTo } from './header-fit.ts'
import { type AttemptFacts, type Formed, formReply, formRequest, type Headers } from './header-form.ts'

/** Forms the headers of the requests to one endpoint. */
export type RequestForms = { form(headers: Headers, facts: AttemptFacts): Formed }

export function createRequestForms(): RequestForms {
  let before: Formed | null = null
  return {
    form(headers, facts) {
      const values = before && fitTo(before.slots, headers, facts)
      if (before && values) return { ...before, values }
      before = formRequest(headers, facts)
      return before
    },
  }
}

/** Names whose values hardly ever come twice, or that may concern a person: they are never part of a form. */
const DIFFERING =
  /^(set-cookie2?|content-length|etag|last-modified|expires|age|location|retry-after|x-runtime|x-response-time|server-timing|cf-ray|traceparent|tracestate|www-authenticate|authorization|cookie)$|(request|trace|correlation|transaction|session|span)[-_]?id|ratelimit|amzn|amz-|user|account|email|customer/

const MOST_DIFFERING = 200

/** Learns from the replies of one receiver which headers differ. */
export type ReplyHabits = {
  /** The form of a reply; null: the replies have too little in common. */
  form(headers: Headers): Formed | null
}

/** `mostForms`: a receiver with more forms has too little in common. */
export function createReplyHabits(mostForms: number): ReplyHabits {
  const last = new Map<string, string>()
  const learned = new Set<string>()
  const forms = new Set<string>()
  let before: Formed | null = null
  return {
    form(headers) {
      if (forms.size > mostForms) return null
      const values = before && fitTo(before.slots, headers)
      if (before && values) return { ...before, values }
      for (const [name, value] of headers) {
        const lower = name.toLowerCase()
        const known = last.get(lower)
        if (known !== undefined && known !== value) learned.add(lower)
        if (known !== undefined || last.size < MOST_DIFFERING) last.set(lower, value)
        else learned.add(lower)
      }
      before = formReply(headers, (name) => learned.has(name) || DIFFERING.test(name))
      forms.add(before.text)
      return before
    },
  }
}
