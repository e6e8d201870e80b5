// A time that cannot be read refuses a request, wherever one is asked for. In an event of a publish it must not: the other
// events of the call need not fall with it. Before variables are coerced, such a time is marked, and the check of the event
// names it. Only what the document declares as events is looked at.

import { type DocumentNode, Kind, type TypeNode } from 'graphql'
import type { Plugin } from 'graphql-yoga'
import { readDateTime, UnreadableTime } from '../../domain/values/date-time.ts'

/** Marks, in the variables of a publish, the times that cannot be read. */
export function unreadableTimes(): Plugin {
  const known = new WeakMap<DocumentNode, readonly EventVariable[]>()
  return {
    onExecute({ args }) {
      let variables = known.get(args.document)
      if (!variables) {
        variables = eventVariables(args.document)
        known.set(args.document, variables)
      }
      if (variables.length === 0 || !args.variableValues) return
      for (const { name, holdsEvents } of variables) {
        const value = (args.variableValues as Record<string, unknown>)[name]
        for (const event of listOf(holdsEvents ? (value as { events?: unknown } | null)?.events : value)) mark(event)
      }
    },
  }
}

type EventVariable = {
  readonly name: string
  /** Whether the events are its member `events`, or it is one itself, or a list of them. */
  readonly holdsEvents: boolean
}

function eventVariables({ definitions }: DocumentNode): EventVariable[] {
  return definitions.flatMap((definition) =>
    definition.kind === Kind.OPERATION_DEFINITION
      ? (definition.variableDefinitions ?? []).flatMap(({ variable, type }) => {
          const typeName = nameOf(type)
          const holdsEvents = typeName === 'PublishEventsInput'
          return holdsEvents || typeName === 'EventInput' ? [{ name: variable.name.value, holdsEvents }] : []
        })
      : [],
  )
}

function nameOf(type: TypeNode): string {
  return type.kind === Kind.NAMED_TYPE ? type.name.value : nameOf(type.type)
}

/** GraphQL takes one thing for a list of one. */
function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [value]
}

function mark(event: unknown): void {
  if (typeof event !== 'object' || event === null) return
  const members = event as Record<string, unknown>
  const { occurredAt } = members
  if (occurredAt === undefined || occurredAt === null) return
  if (typeof occurredAt !== 'string' || !readDateTime(occurredAt))
    members['occurredAt'] = new UnreadableTime(occurredAt)
}
