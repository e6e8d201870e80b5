import { z } from 'zod'
import backlogGrowingExample from './examples/backlog.growing.json' with { type: 'json' }
import deadLetteredExample from './examples/delivery.dead_lettered.json' with { type: 'json' }
import disabledExample from './examples/endpoint.disabled.json' with { type: 'json' }
import recoveredExample from './examples/endpoint.recovered.json' with { type: 'json' }
import warningExample from './examples/endpoint.warning.json' with { type: 'json' }
import rotationDueExample from './examples/signing_secret.rotation_due.json' with { type: 'json' }
import { anyText, count, type EventTypeDefinition, id, text, time, word } from './shapes.ts'

/** The URL of an endpoint may hold a secret, so only its host is told. */
const endpoint = z
  .looseObject({
    endpoint_id: id().describe('The endpoint that the event is about. It never receives this event itself.'),
    name: anyText().describe('Its name.'),
    host: text().describe('The host of its URL.'),
  })
  .describe('The endpoint that the event is about.')

const errorCode = anyText().nullish().describe('Why the last attempt failed, such as timeout or http_status.')
const statusCode = z.int().nullish().describe('The HTTP status of the last reply; null when none came.')
const failingSince = time().nullish().describe('When the first of the failed attempts in a row began.')

const warning = z.looseObject({
  endpoint,
  failing_since: failingSince,
  last_success_at: time().nullish().describe('When the last attempt that succeeded began; null when none did.'),
  consecutive_failures: count().describe('Attempts that failed since then.'),
  failed_deliveries: count().describe('Deliveries whose first attempt is among them.'),
  error_code: errorCode,
  status_code: statusCode,
  disables_at: time()
    .nullish()
    .describe('The earliest time at which the gateway disables the endpoint; null when it does not.'),
})

const disabled = z.looseObject({
  endpoint,
  reason: word('gone', 'failing').describe('gone: its receiver answered 410. failing: it failed for days.'),
  disabled_at: time().describe('When the gateway disabled it. Its deliveries are held from then on.'),
  failing_since: failingSince,
  failed_deliveries: count().nullish().describe('Deliveries that failed since then; null when the reason is gone.'),
})

const recovered = z.looseObject({
  endpoint,
  failed_since: time().nullish().describe('When the failures began that the last warning told of.'),
  recovered_at: time().describe('When the attempt began that succeeded.'),
})

const deadLettered = z.looseObject({
  endpoint,
  delivery_id: id().describe('The delivery.'),
  event_id: id().describe('The event that was not delivered.'),
  event_type: text().describe('Its type.'),
  reason: word('retries_exhausted', 'poison', 'event_expired').describe('Why no attempt follows.'),
  attempt_count: count().describe('How many attempts were made.'),
  error_code: errorCode,
  status_code: statusCode,
  dead_lettered_at: time().describe('When it became a dead letter.'),
})

const backlogGrowing = z.looseObject({
  endpoint,
  oldest_due_at: time().describe('When the delivery that has waited longest became due.'),
  waiting_count: count().describe('Deliveries that wait; counting stops at 10,000.'),
})

const rotationDue = z.looseObject({
  endpoint,
  secret_created_at: time().describe('When the signing secret was created.'),
  age_days: count().describe('Its age in days.'),
})

export const operationalEventTypes: readonly EventTypeDefinition[] = [
  {
    name: 'endpoint.warning',
    schema: warning,
    example: warningExample,
    description:
      'An endpoint has failed for an hour, or will be disabled within a day if it goes on. The subject is the endpoint. The gateway itself publishes this event.',
  },
  {
    name: 'endpoint.disabled',
    schema: disabled,
    example: disabledExample,
    description:
      'The gateway disabled an endpoint. Its deliveries are held until somebody resumes it. The subject is the endpoint. The gateway itself publishes this event.',
  },
  {
    name: 'endpoint.recovered',
    schema: recovered,
    example: recoveredExample,
    description:
      'An endpoint that the gateway had warned of works again. The subject is the endpoint. The gateway itself publishes this event.',
  },
  {
    name: 'delivery.dead_lettered',
    schema: deadLettered,
    example: deadLetteredExample,
    description:
      'A delivery became a dead letter: no attempt follows until somebody retries it. Dead letters of operational events are not told. The subject is the endpoint. The gateway itself publishes this event.',
  },
  {
    name: 'backlog.growing',
    schema: backlogGrowing,
    example: backlogGrowingExample,
    description:
      'Deliveries to an endpoint that works have waited for minutes, and more are published than it takes. The subject is the endpoint. The gateway itself publishes this event.',
  },
  {
    name: 'signing_secret.rotation_due',
    schema: rotationDue,
    example: rotationDueExample,
    description:
      'The signing secret of an endpoint is old and should be rotated. Told once for each secret. The subject is the endpoint. The gateway itself publishes this event.',
  },
]
