// What is wrong with a command line, in one sentence, and which help to read. yargs says what it noticed in words of its
// own, and always without the command.

import type { CommandModule } from 'yargs'
import type { Group } from './command.ts'

/** `said`: the text of yargs. `args`: the whole command line, of which the first words name a command of `commands`. */
export function usageMessage(
  said: string,
  args: readonly string[],
  commands: readonly (CommandModule | Group)[],
): string {
  const words = args.filter((word) => !word.startsWith('-'))
  const path = ['sivo']
  let within: readonly (CommandModule | Group)[] = commands
  let parameters = ''
  for (const word of words) {
    const next = within.find((each) => nameOf(each) === word)
    if (!next) break
    path.push(word)
    parameters = String(next.command).split(' ').slice(1).join(' ')
    within = 'commands' in next ? next.commands : []
  }
  const asked = path.join(' ')
  const known = within.map(nameOf).join(', ')
  return `${sentence(said, { asked, parameters, known, next: words[path.length - 1] })} Run "${asked} --help".`
}

const nameOf = ({ command }: CommandModule): string => String(command).split(' ')[0]!

type Asked = {
  readonly asked: string
  readonly parameters: string
  /** The commands that may follow, or an empty text. */
  readonly known: string
  /** The word behind those that were understood. */
  readonly next: string | undefined
}

function sentence(said: string, { asked, parameters, known, next }: Asked): string {
  if (/^(Not enough non-option arguments|Expected a command)/.test(said))
    return known === ''
      ? `Expected ${parameters} after "${asked}", got ${next === undefined ? 'none' : `${JSON.stringify(next)} alone`}.`
      : `Expected a command after "${asked}" (${known}), got ${next === undefined ? 'none' : JSON.stringify(next)}.`
  const [, missing] = /^Missing required arguments?: (.+)$/.exec(said) ?? []
  if (missing !== undefined) return `Expected ${missing.split(', ').map(asOption).join(' and ')}, got none.`
  const [, empty] = /^Not enough arguments following: (.+)$/.exec(said) ?? []
  if (empty !== undefined) return `Expected a value after ${asOption(empty)}, got none.`
  const [, name, given, choices] = /Argument: (\S+), Given: (.+), Choices: (.+)/.exec(said) ?? []
  if (name !== undefined) return `Expected ${choices!.replaceAll('", "', '" or "')} in ${asOption(name)}, got ${given}.`
  if (said.startsWith('Unknown argument') && known !== '' && next !== undefined)
    return `Expected a command after "${asked}" (${known}), got ${JSON.stringify(next)}.`
  if (said.startsWith('Did you mean ')) return `There is no such command after "${asked}". ${said}`
  return /[.?!]$/.test(said) ? said : `${said}.`
}

const asOption = (name: string): string => `--${name}`
