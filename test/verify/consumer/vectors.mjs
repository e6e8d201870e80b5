// Checks the vectors in every way and counts; throws at the first answer that is not the vector's. Runs in Node, Bun, Deno
// and workerd, so it uses nothing of any of them.

/** `verifyWebhook` is absent where the runtime has no crypto of Node. */
export async function checkVectors(
  { at, secrets, vectors },
  { verifyWebhook, verifyWebhookAsync, isWebhookError, fetchWebhook },
) {
  const count = { accepted: 0, refused: 0 }
  for (const vector of vectors) {
    const { text, start, repeat, count: times, end } = vector.body
    const body = new TextEncoder().encode(text ?? start + repeat.repeat(times) + end)
    for (const scheme of ['standard', 'sivo'])
      for (const [name, secret] of Object.entries(secrets)) {
        const options = { now: () => at * 1000, scheme }
        const isAccepted = vector[scheme].includes(name)
        const ways = {
          verifyWebhook: verifyWebhook && (async () => verifyWebhook(body, vector.headers, secret, options)),
          verifyWebhookAsync: () => verifyWebhookAsync(body, vector.headers, secret, options),
          fetchWebhook: () => throughFetch(fetchWebhook, body, vector.headers, { ...options, secrets: secret }),
        }
        for (const [way, verify] of Object.entries(ways)) {
          if (!verify) continue
          const type = await verify().then(
            (event) => event.type,
            (error) => (isWebhookError(error) ? null : Promise.reject(error)),
          )
          if ((type === 'call.ended') !== isAccepted)
            throw new Error(`${way} ${scheme} ${name}: ${vector.name}: ${type}`)
          count[isAccepted ? 'accepted' : 'refused']++
        }
      }
  }
  return count
}

async function throughFetch(fetchWebhook, body, headers, options) {
  let event
  const answer = fetchWebhook(options, (given) => {
    event = given
  })
  const values = Object.entries(headers).filter(([, value]) => !/[^\0-\xff]/.test(value))
  const request = new Request('https://receiver.example/', { method: 'POST', headers: values, body })
  const { status } = await answer(request)
  if (status !== (event ? 204 : 401)) throw new Error(`fetchWebhook answered ${status}`)
  return event ?? { type: null }
}
