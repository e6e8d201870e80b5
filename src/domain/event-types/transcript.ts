import { z } from 'zod'
import transcriptCompletedExample from './examples/transcript.completed.json' with { type: 'json' }
import transcriptSegmentExample from './examples/transcript.segment.json' with { type: 'json' }
import {
  anyText,
  callId,
  count,
  type EventTypeDefinition,
  id,
  milliseconds,
  preSignedUrl,
  texts,
  time,
  urlExpiresAt,
} from './shapes.ts'

const speakerRole = z.enum(['customer', 'agent', 'ai_agent', 'ivr'])
const speakerFields = {
  role: speakerRole.describe('Who speaks.'),
  channel: count().nullish().describe('Audio channel, counted from 0.'),
  name: anyText().nullish().describe('Display name.'),
  agent_id: id().nullish().describe('The agent, when one speaks.'),
}

const transcriptSegment = z.looseObject({
  call_id: callId,
  transcript_id: id().describe('The transcript.'),
  segment_id: id().describe('The segment: of two with the same id the later one wins.'),
  index: count().describe('Rises by one per transcript.'),
  is_final: z.boolean().describe('false: the same segment_id may come again.'),
  speaker: z.looseObject(speakerFields),
  text: anyText().describe('What was said.'),
  language: anyText().nullish().describe('BCP 47 tag.'),
  confidence: z.number().min(0).max(1).nullish().describe('0 to 1.'),
  start_ms: milliseconds().describe('Milliseconds from offset_from.'),
  end_ms: milliseconds().describe('Milliseconds from offset_from.'),
  offset_from: time().describe('Where start_ms and end_ms count from.'),
})

const transcriptCompleted = z.looseObject({
  call_id: callId,
  transcript_id: id().describe('The transcript.'),
  recording_id: id().nullish().describe('The recording it was made from; null when there is none.'),
  url: preSignedUrl,
  url_expires_at: urlExpiresAt,
  content_type: anyText().nullish().describe('Media type of the file.'),
  languages: texts().nullish().describe('BCP 47 tags.'),
  duration_ms: milliseconds().describe('Milliseconds the transcript covers.'),
  segment_count: count().describe('Segments in the file.'),
  word_count: count().nullish().describe('Words in the file.'),
  average_confidence: z.number().min(0).max(1).nullish().describe('0 to 1.'),
  speakers: z
    .array(z.looseObject({ ...speakerFields, talk_ms: milliseconds().nullish().describe('Milliseconds spoken.') }))
    .nullish(),
  redaction: z
    .looseObject({
      applied: z.boolean().describe('Whether anything was to be removed.'),
      entity_types: texts().nullish().describe('Kinds of values that were removed, such as card_number.'),
      count: count().nullish().describe('Values removed.'),
    })
    .nullish()
    .describe('What was removed before storage.'),
  analysis: z
    .looseObject({
      summary: anyText().nullish(),
      sentiment: anyText().nullish().describe('Such as positive, neutral, negative.'),
      topics: texts().nullish(),
    })
    .nullish()
    .describe('null when the tenant has no analysis plan.'),
})

export const transcriptEventTypes: readonly EventTypeDefinition[] = [
  {
    name: 'transcript.segment',
    schema: transcriptSegment,
    example: transcriptSegmentExample,
    description:
      'One piece of a live transcript. There are many: subscribe on purpose. A segment_id may come with is_final false and again with is_final true; the later one counts.',
  },
  {
    name: 'transcript.completed',
    schema: transcriptCompleted,
    example: transcriptCompletedExample,
    description:
      'The transcript is final. Its pre-signed url leads to JSON with every segment and works until url_expires_at, 24 hours. analysis is null for a tenant without an analysis plan.',
  },
]
