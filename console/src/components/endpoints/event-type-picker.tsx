import { graphql } from '../../api/client.ts'
import type { EventTypeChoiceFragment } from '../../gql/graphql.ts'
import { Checkbox, Choice } from '../../ui/field.tsx'

graphql(`
  fragment EventTypeChoice on EventType {
    name
    group
    description
  }
`)

export type EventTypeChoice = EventTypeChoiceFragment

/** The types that occur many times within one call. */
const FLOODS: Record<string, string> = {
  'transcript.segment': 'Comes every few seconds of talk, far more often than everything else together.',
}

type PickerProps = {
  types: readonly EventTypeChoice[]
  /** null for all types that publishers send, also those that are added to the catalogue later. */
  chosen: readonly string[] | null
  onChange(chosen: string[] | null): void
  error?: string | null
}

/** A choice of the event types that an endpoint receives. */
export function EventTypePicker({ types, chosen, onChange, error }: PickerProps) {
  const toggle = (names: readonly string[], isOn: boolean) => {
    const next = new Set(chosen ?? [])
    for (const name of names) isOn ? next.add(name) : next.delete(name)
    // Keep the order of the catalogue, not the order of the clicks.
    onChange(types.map(({ name }) => name).filter((name) => next.has(name)))
  }
  return (
    <fieldset className="flex flex-col gap-3">
      <legend className="sr-only">Event types</legend>
      <div className="flex flex-col gap-2">
        <Choice
          group="event-types"
          isOn={chosen === null}
          onChoose={() => onChange(null)}
          label={`All ${types.filter(isPublished).length} types`}
          hint="Also those that are added to the catalogue later. Not the operational ones, which tell what happens to endpoints: choose them."
        />
        <Choice
          group="event-types"
          isOn={chosen !== null}
          onChoose={() => onChange([...(chosen ?? [])])}
          label="Only these"
          hint={chosen === null ? 'Choose by group or one by one.' : `${chosen.length} of ${types.length} chosen.`}
        />
      </div>
      {chosen !== null && (
        <div className="grid gap-x-6 gap-y-4 rounded-md border border-line p-4 sm:grid-cols-2">
          {groupsOf(types).map(([group, members]) => {
            const names = members.map(({ name }) => name)
            const count = names.filter((name) => chosen.includes(name)).length
            return (
              <div key={group} className="flex flex-col gap-1.5">
                <label className="flex cursor-pointer items-center gap-2 font-semibold">
                  <input
                    type="checkbox"
                    className="size-4 accent-(--accent)"
                    checked={count === names.length}
                    ref={(box) => {
                      if (box) box.indeterminate = count > 0 && count < names.length
                    }}
                    onChange={(event) => toggle(names, event.target.checked)}
                  />
                  {titleOf(group)}
                </label>
                {members.map(({ name, description }) => (
                  <div key={name} className="pl-6" title={description}>
                    <Checkbox
                      label={<span className="font-mono text-xs">{name}</span>}
                      hint={FLOODS[name]}
                      checked={chosen.includes(name)}
                      onChange={(event) => toggle([name], event.target.checked)}
                    />
                  </div>
                ))}
              </div>
            )
          })}
        </div>
      )}
      {error && (
        <p role="alert" className="text-xs text-bad">
          {error}
        </p>
      )}
    </fieldset>
  )
}

/** The groups in the order of the catalogue, each with its types. */
export function groupsOf<Type extends { readonly group: string }>(types: readonly Type[]): [string, Type[]][] {
  const groups = new Map<string, Type[]>()
  for (const type of types) groups.set(type.group, [...(groups.get(type.group) ?? []), type])
  return [...groups]
}

const GROUP_TITLES: Record<string, string> = {
  call: 'Calls',
  transcript: 'Transcripts',
  queue: 'Queues',
  agent: 'Agents',
  automation: 'Automation',
  operational: 'Operational: from the gateway itself',
}

/** Whether publishers send events of this type. The gateway itself sends the others, to endpoints that choose them. */
export function isPublished({ group }: { readonly group: string }): boolean {
  return group !== 'operational'
}

export function titleOf(group: string): string {
  return GROUP_TITLES[group] ?? group.charAt(0).toUpperCase() + group.slice(1)
}
