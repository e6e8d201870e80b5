// Reads vectors from standard input and prints a line for each (library, holder of a secret) that judges one otherwise.
import { verify } from '@octokit/webhooks-methods'
import OpenAI from 'openai'

const { secrets, vectors } = JSON.parse(await new Response(process.stdin).text())
for (const { name, body: parts, headers, sivo, standard } of vectors) {
  const body = parts.text ?? parts.start + parts.repeat.repeat(parts.count) + parts.end
  for (const who of ['current', 'coming']) {
    const bySivo = async (header) =>
      headers[header] !== undefined && (await verify(secrets[who], body, headers[header]))
    const octokit = (await bySivo('X-Sivo-Signature').catch(() => false)) || (await bySivo('X-Sivo-Signature-Next'))
    const { webhooks } = new OpenAI({ apiKey: 'none', webhookSecret: secrets[who] })
    const openai = await webhooks.unwrap(body, headers).then(
      () => true,
      () => false,
    )
    if (octokit !== sivo.includes(who)) console.log(`@octokit/webhooks-methods, ${who}, ${octokit}: ${name}`)
    if (openai !== standard.includes(who)) console.log(`openai, ${who}, ${openai}: ${name}`)
  }
}
