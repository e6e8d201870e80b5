// Reads vectors from standard input and prints a line for each (library, holder of a secret) that judges one otherwise.
import { Webhooks } from '@octokit/webhooks'
import { verify } from '@octokit/webhooks-methods'
import OpenAI from 'openai'
import { Webhook } from 'svix'
import XHubSignature from 'x-hub-signature'

const accepts = async (judge) => {
  try {
    return (await judge()) !== false
  } catch {
    return false
  }
}

const { secrets, vectors } = JSON.parse(await new Response(process.stdin).text())
for (const { name, body: parts, headers, sivo, standard } of vectors) {
  const body = parts.text ?? parts.start + parts.repeat.repeat(parts.count) + parts.end
  for (const who of ['current', 'coming']) {
    const secret = secrets[who]
    const given = ['X-Sivo-Signature', 'X-Sivo-Signature-Next'].filter((header) => headers[header] !== undefined)
    const libraries = {
      sivo: {
        '@octokit/webhooks-methods': (signature) => verify(secret, body, signature),
        '@octokit/webhooks': (signature) => new Webhooks({ secret }).verify(body, signature),
        'x-hub-signature': (signature) => new XHubSignature('sha256', secret).verify(signature, Buffer.from(body)),
      },
      standard: {
        openai: () => new OpenAI({ apiKey: 'none', webhookSecret: secret }).webhooks.unwrap(body, headers),
        svix: () => void new Webhook(secret).verify(body, headers),
      },
    }
    for (const [scheme, holders] of Object.entries({ sivo, standard })) {
      for (const [library, judge] of Object.entries(libraries[scheme])) {
        let accepted = false
        for (const signature of scheme === 'sivo' ? given : ['in the headers'])
          accepted ||= await accepts(() => judge(headers[signature]))
        if (accepted !== holders.includes(who)) console.log(`${library}, ${who}, ${accepted}: ${name}`)
      }
    }
  }
}
