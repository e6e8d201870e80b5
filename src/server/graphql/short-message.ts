// What is said of a document or of variables that do not fit. GraphQL repeats the value that came, such as a whole event: 256 KB,
// with what it says of people, in the log of a client. Here it becomes the place, the name and what was meant. Queries and
// mutations are executed by graphql-tools, subscriptions by graphql-js, and both say it in words of their own.

import { GraphQLError } from 'graphql'

const MEANT = String.raw`Did you mean .{1,200}\?`
/** A field that an object lacks or must not have: its name and the type say it all. */
const FIELD = new RegExp(
  String.raw`^(Expected value of type "[^"]*" (?:to include required|not to include unknown) field ".*?")(?:, found|\. (${MEANT}) Found): `,
  's',
)
/** A value at the end, as JSON or as GraphQL writes it. */
const VALUE = new RegExp(
  String.raw`^((?:Expected value of type|Enum) "[^:]*: |\w+ cannot represent [^:]*: )(.*?)\.?(?: (${MEANT}))?$`,
  's',
)
/** A literal with variables in it that do not fit. */
const ARGUMENT = /^(Argument "\w+" has invalid value) /
const VARIABLE = /^Variable "\$(\w+)" (?:got|has) invalid value/
/** The end of what leads to the sentence about a part of a variable. */
const PATH = / at (?:"(\w[^"\\]*)"; |(\S+): )$/
const QUOTED = /"((?:[^"\\]|\\.)*)"/gs
const MOST_SHOWN = 60
const MOST_CHARACTERS = 1_000

/** The message of an error of GraphQL's own: at most 1,000 characters, 60 of a value. */
export function shortMessage(error: GraphQLError): string {
  const short = withoutValue(error).replaceAll(QUOTED, (_all, text: string) => cutText(text))
  return short.length <= MOST_CHARACTERS ? short : `${short.slice(0, MOST_CHARACTERS).toWellFormed()}…`
}

function withoutValue({ message, originalError }: GraphQLError): string {
  const variable = VARIABLE.exec(message)
  if (variable && originalError instanceof GraphQLError) {
    const name = variable[1]!
    const path = PATH.exec(message.slice(0, -originalError.message.length))
    const at = path?.[1]?.slice(name.length) ?? path?.[2]
    return `Variable "$${name}" has invalid value${at ? ` at ${at}` : ''}: ${withoutValue(originalError)}`
  }
  const argument = ARGUMENT.exec(message)
  if (argument) return `${argument[1]}. Check the variables in it.`
  const field = FIELD.exec(message)
  if (field) return sentences(field[1]!, field[2])
  const value = VALUE.exec(message)
  if (value) return sentences(`${value[1]}${cutValue(value[2]!)}`, value[3])
  return message
}

function sentences(said: string, meant: string | undefined): string {
  return meant === undefined ? `${said}.` : `${said}. ${meant}`
}

function cutValue(value: string): string {
  if (value.startsWith('{')) return 'an object'
  if (value.startsWith('[')) return 'a list'
  return value.startsWith('"') ? cutText(value.slice(1, -1)) : value
}

/** `text` as it stands between quotes. */
function cutText(text: string): string {
  if (text.length <= MOST_SHOWN) return `"${text}"`
  return `"${text.slice(0, MOST_SHOWN).toWellFormed()}"… (${text.length} characters)`
}
