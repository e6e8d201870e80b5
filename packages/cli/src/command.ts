// What all commands share: their options, and the context that a handler is given.

import type { ArgumentsCamelCase, Argv, CommandModule, InferredOptionTypes, Options } from 'yargs'
import { type Client, openClient } from './client.ts'
import { usage } from './failure.ts'
import { type Output, openOutput } from './output.ts'
import { resolveConnection } from './profiles.ts'

/** Help shows them below the options of the command itself. */
const EVERYWHERE = { global: true, group: 'For every command:' } as const

export const GLOBAL_OPTIONS = {
  url: { type: 'string', describe: 'Address of the gateway (SIVO_URL)', ...EVERYWHERE },
  key: { type: 'string', describe: 'API key (SIVO_KEY); other users of this machine may see it here', ...EVERYWHERE },
  tenant: { type: 'string', describe: 'Tenant of an operator’s command (SIVO_TENANT)', ...EVERYWHERE },
  profile: { type: 'string', describe: 'Profile that "login" stored (SIVO_PROFILE)', ...EVERYWHERE },
  json: { type: 'boolean', default: false, describe: 'Print results as JSON', ...EVERYWHERE },
} as const satisfies Record<string, Options>

export type Run = { readonly client: Client; readonly output: Output }

type Spec<O extends Record<string, Options>, P extends Record<string, Options>> = {
  /** `name <required> [optional]` */
  readonly command: string
  readonly describe: string
  /** By the name in `command`. */
  readonly positionals?: P
  readonly options?: O
  readonly examples?: readonly (readonly [command: string, says: string])[]
  run(
    run: Run,
    args: ArgumentsCamelCase<
      InferredOptionTypes<O> & InferredOptionTypes<P> & InferredOptionTypes<typeof GLOBAL_OPTIONS>
    >,
  ): Promise<void>
}

/** A command that speaks to the gateway. */
export function command<
  const O extends Record<string, Options> = Record<never, never>,
  const P extends Record<string, Options> = Record<never, never>,
>(spec: Spec<O, P>): CommandModule {
  return {
    command: spec.command,
    describe: spec.describe,
    builder: (argv) => describe(argv, spec),
    handler: async (args) => {
      const known = args as Parameters<typeof spec.run>[1]
      requireNumbers(args, spec.options ?? {})
      const connection = await resolveConnection(known as never)
      await spec.run({ client: openClient(connection), output: openOutput(Boolean(args['json'])) }, known)
    },
  }
}

/** yargs reads a text that is no number as NaN. Throws CommandFailure. */
function requireNumbers(args: ArgumentsCamelCase, options: Record<string, Options>): void {
  for (const [name, { type }] of Object.entries(options))
    if (type === 'number' && [args[name]].flat().some(Number.isNaN))
      throw usage(`Expected a number in --${name}, got another text.`)
}

/** Adds the options, positionals and examples of a command. */
export function describe(
  argv: Argv,
  spec: {
    readonly positionals?: Record<string, Options>
    readonly options?: Record<string, Options>
    readonly examples?: readonly (readonly [string, string])[]
  },
): Argv {
  for (const [name, options] of Object.entries(spec.positionals ?? {})) argv.positional(name, options as never)
  for (const [text, says] of spec.examples ?? []) argv.example(`$0 ${text}`, says)
  for (const [name, options] of Object.entries(spec.options ?? {})) argv.option(name, { ...options, group: 'Options:' })
  return argv
}

export type Group = CommandModule & { readonly commands: readonly CommandModule[] }

/** A group of commands: `sivo endpoints list`. */
export function group(name: string, says: string, commands: readonly CommandModule[]): Group {
  return {
    commands,
    command: `${name} <command>`,
    describe: says,
    builder: (argv) =>
      argv.command(commands as CommandModule[]).demandCommand(1, `Expected a command after "${name}".`),
    handler: () => {},
  }
}
