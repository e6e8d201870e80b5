import { CATALOGUE, type EventTypeEntry } from '../../domain/event-types/catalogue.ts'
import { builder, EVERYBODY } from '../base/builder.ts'

const EventType = builder.objectRef<EventTypeEntry>('EventType').implement({
  description: 'A kind of event that the platform publishes, or the gateway itself.',
  fields: (t) => ({
    name: t.exposeString('name', { description: 'The name of the type, with dots, such as `call.ended`.' }),
    group: t.exposeString('group', {
      description:
        'The group of the type, which is the first part of most names. Those of the group `operational` are published by the gateway itself; an endpoint receives them only if its `eventTypes` name them.',
    }),
    description: t.exposeString('description', {
      description: 'When the platform publishes the event, and what receivers should know.',
    }),
    apiVersion: t.exposeString('apiVersion', {
      description: 'The date of the catalogue. The envelope has it as `api_version`.',
    }),
    jsonSchema: t.field({
      type: 'JSON',
      description: 'The schema of `data`, as JSON Schema draft 2020-12. An event may have further members.',
      resolve: ({ jsonSchema }) => jsonSchema,
    }),
    example: t.field({
      type: 'JSON',
      description: 'An example: a whole envelope, as a receiver gets it.',
      resolve: ({ example }) => example,
    }),
  }),
})

builder.queryField('eventTypes', (t) =>
  t.field({
    type: [EventType],
    description: 'The catalogue: every event type that an endpoint may receive.',
    authScopes: { roles: EVERYBODY },
    complexity: { field: 1, multiplier: CATALOGUE.length },
    resolve: () => [...CATALOGUE],
  }),
)
