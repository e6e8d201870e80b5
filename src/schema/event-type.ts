import { EVENT_TYPES, type EventTypeEntry } from '../domain/event-type.ts'
import { builder, EVERYBODY } from './builder.ts'

const EventType = builder.objectRef<EventTypeEntry>('EventType').implement({
  description: 'A kind of event that the platform publishes.',
  fields: (t) => ({
    name: t.exposeString('name', { description: 'Its dotted name, e.g. `call.ended`.' }),
    group: t.exposeString('group', { description: 'What it is about; the first part of most names.' }),
    description: t.exposeString('description', { description: 'When it is published, and what to know about it.' }),
    apiVersion: t.exposeString('apiVersion', {
      description: 'The date of the catalogue, `api_version` in the envelope.',
    }),
    jsonSchema: t.field({
      type: 'JSON',
      description: 'What `data` looks like: JSON Schema, draft 2020-12. Members it does not name may come too.',
      resolve: ({ jsonSchema }) => jsonSchema,
    }),
    example: t.field({
      type: 'JSON',
      description: 'A whole envelope, as an endpoint would get it.',
      resolve: ({ example }) => example,
    }),
  }),
})

builder.queryField('eventTypes', (t) =>
  t.field({
    type: [EventType],
    description: 'The catalogue: every type an event can have.',
    authScopes: { roles: EVERYBODY },
    complexity: { field: 1, multiplier: EVENT_TYPES.length },
    resolve: () => [...EVENT_TYPES],
  }),
)
