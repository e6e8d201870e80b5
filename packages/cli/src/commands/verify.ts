import { createHmac, timingSafeEqual } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import type { CommandModule } from 'yargs'
import { describe } from '../command.ts'
import { variable } from '../environment.ts'
import { refused, usage } from '../failure.ts'
import { openOutput } from '../output.ts'

export const verify: CommandModule = {
  command: 'verify',
  describe: 'Check the signature of a body that a receiver got',
  builder: (argv) =>
    describe(argv, {
      options: {
        body: { type: 'string', demandOption: true, describe: 'File with the raw body, byte for byte' },
        signature: { type: 'string', demandOption: true, describe: 'Value of X-Sivo-Signature' },
        secret: { type: 'string', describe: 'Signing secret, whsec_… (SIVO_WEBHOOK_SECRET)' },
      },
      examples: [
        ['verify --body body.json --signature sha256=… --secret whsec_…', 'says whether it is right, and why not'],
      ],
    }),
  handler: async (args) => {
    const output = openOutput(Boolean(args['json']))
    const secret = (args['secret'] as string | undefined) ?? variable('SIVO_WEBHOOK_SECRET')
    if (!secret) throw usage('Expected --secret or SIVO_WEBHOOK_SECRET with the endpoint’s signing secret.')
    const file = args['body'] as string
    const body = await readFile(file).catch((error: Error) => {
      throw usage(`${file} cannot be read: ${error.message}.`)
    })
    const signature = (args['signature'] as string).trim()
    if (!/^sha256=[0-9a-f]{64}$/.test(signature))
      throw usage(
        `Expected sha256= and 64 lower-case hex digits in --signature, got ${JSON.stringify(signature.slice(0, 80))}.`,
      )
    if (isSignedWith(body, secret, signature)) return output.result({ valid: true }, 'The signature is right.')
    throw refused(`The signature is wrong: ${whyWrong(body, secret, signature)}`, { valid: false })
  },
}

function isSignedWith(body: Buffer, secret: string, signature: string): boolean {
  const expected = `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`
  return timingSafeEqual(Buffer.from(expected), Buffer.from(signature))
}

function whyWrong(body: Buffer, secret: string, signature: string): string {
  if (isSignedWith(body, secret.trim(), signature)) return 'the secret has a blank or a line end around it.'
  const withoutEnd = Buffer.from(body.toString().replace(/\r?\n$/, ''))
  if (withoutEnd.length < body.length && isSignedWith(withoutEnd, secret, signature))
    return 'the file ends in a line end that was not part of the body.'
  for (const text of rewritings(body))
    if (isSignedWith(Buffer.from(text), secret, signature))
      return 'the body was parsed and written again. Verify the raw bytes, before any JSON parser.'
  return 'the body was changed, or it was signed with another secret. During a rotation, X-Sivo-Signature-Next is signed with the next one.'
}

/** The same JSON as the gateway writes it. */
function* rewritings(body: Buffer): Generator<string> {
  try {
    yield JSON.stringify(JSON.parse(body.toString()))
  } catch {
    // It is no JSON.
  }
}
