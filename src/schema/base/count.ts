import { COUNT_LIMIT, type Count, showCount } from '../../domain/values/count.ts'
import { builder } from './builder.ts'

export const CountPrecision = builder.enumType('CountPrecision', {
  description: 'Whether a count is exact.',
  values: {
    EXACT: { description: 'The exact number.' },
    AT_LEAST: { description: 'There may be more items than were counted.' },
  } satisfies Record<Count['precision'], { description: string }>,
})

export const CountType = builder.objectRef<Count>('Count').implement({
  description: `A number of items. Counting stops at ${showCount(COUNT_LIMIT)}, or sooner if a list asks for many counts at once.`,
  fields: (t) => ({
    count: t.exposeInt('count', { description: 'The number of items that were counted.' }),
    precision: t.expose('precision', { type: CountPrecision, description: 'Whether the number is exact.' }),
  }),
})
