import { z } from 'zod'
import transcriptCompletedExample from './examples/transcript.completed.json' with { type: 'json' }
import transcriptSegmentExample from './examples/transcript.segment.json' with { type: 'json' }
import {
  anyText,
  callId,
  count,
  type EventTypeDefinition,
  fileUrl,
  fileUrlExpiresAt,
  id,
  measure,
  milliseconds,
  native,
  texts,
  time,
  word,
} from './shapes.ts'

const speakerFields = {
  role: word('customer', 'agent', 'ai_agent', 'ivr', 'supervisor', 'unknown')
    .nullish()
    .describe('Who speaks; null when the system only tells speakers apart.'),
  channel: count().nullish().describe('Audio channel, counted from 0.'),
  name: anyText().nullish().describe('Display name.'),
  agent_id: id().nullish().describe('The agent, when one speaks.'),
}

const transcriptSegment = z.looseObject({
  call_id: callId,
  transcript_id: id().describe('The transcript.'),
  segment_id: id().describe('The segment: of two with the same id the later one wins.'),
  index: count().nullish().describe('Rises by one per transcript; null when the system does not count.'),
  is_final: z.boolean().describe('false: the same segment_id may come again.'),
  speaker: z.looseObject(speakerFields).nullish(),
  text: anyText().describe('What was said.'),
  language: anyText().nullish().describe('BCP 47 tag.'),
  confidence: measure(0, 1).nullish().describe('0 to 1.'),
  start_ms: milliseconds().nullish().describe('Milliseconds from offset_from.'),
  end_ms: milliseconds().nullish().describe('Milliseconds from offset_from.'),
  offset_from: time().nullish().describe('Where start_ms and end_ms count from.'),
  native,
})

const transcriptCompleted = z.looseObject({
  call_id: callId,
  transcript_id: id().describe('The transcript.'),
  recording_id: id().nullish().describe('The recording it was made from; null when there is none.'),
  url: fileUrl,
  url_expires_at: fileUrlExpiresAt,
  text: anyText()
    .nullish()
    .describe('The transcript itself, as plain text, where there is no file: 262,144 bytes are about 5 hours of it.'),
  truncated: z.boolean().nullish().describe('Whether text is only the beginning, because the whole does not fit.'),
  content_type: anyText().nullish().describe('Media type of the file.'),
  languages: texts().nullish().describe('BCP 47 tags.'),
  duration_ms: milliseconds().nullish().describe('Milliseconds the transcript covers.'),
  segment_count: count().nullish().describe('Segments in the transcript.'),
  word_count: count().nullish().describe('Words in the transcript.'),
  average_confidence: measure(0, 1).nullish().describe('0 to 1.'),
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
  native,
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
      'The transcript is final. Its pre-signed url leads to JSON with every segment and works until url_expires_at. Or text holds it inline and url is null. truncated is true where the whole does not fit. A body is at most 262,144 bytes. That is 12 to 21 minutes of talk word by word, 73 minutes in segments, about 5 hours of plain text. analysis is null for a tenant without an analysis plan.',
  },
]
