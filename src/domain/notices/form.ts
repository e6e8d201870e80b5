// The forms that a notice takes: a mail, a message for Slack and what speaks like it, an adaptive card for Teams. Names of
// tenants and endpoints are anybody's text: none of them becomes a link, a mention or formatting. Pure.

import type { NoticeMessage } from './message.ts'

const PREFIX = '[SIVO] '

/** The subject and text of a mail. */
export function asMail({ subject, lines, footer }: NoticeMessage): { subject: string; text: string } {
  const parts = lines.map(({ text, link }) => (link === null ? text : `${text}\n${link}`))
  return { subject: oneLine(`${PREFIX}${subject}`), text: `${parts.join('\n\n')}\n\n-- \n${footer}\n` }
}

/** The body for an incoming webhook of Slack, Mattermost or Rocket.Chat. */
export function asSlack({ subject, lines, footer }: NoticeMessage): Record<string, unknown> {
  const parts = lines.map(
    ({ text, link }) => `• ${escapeSlack(text)}${link === null ? '' : ` <${escapeSlack(link)}|Open in the console>`}`,
  )
  return {
    text: [`*${escapeSlack(oneLine(subject))}*`, ...parts, escapeSlack(footer)].join('\n'),
    unfurl_links: false,
    unfurl_media: false,
  }
}

/** Slack's three control characters; without them nothing is a link or a mention. */
function escapeSlack(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}

/** The body for a webhook of a Teams workflow. Text runs are shown as they are; a TextBlock would read them as Markdown. */
export function asTeams({ subject, lines, footer }: NoticeMessage): Record<string, unknown> {
  const run = (text: string, more: object = {}) => ({ type: 'TextRun', text, ...more })
  const block = (...inlines: object[]) => ({ type: 'RichTextBlock', inlines })
  const body = [
    block(run(oneLine(subject), { weight: 'Bolder', size: 'Medium' })),
    ...lines.map(({ text, link }) =>
      block(
        run(link === null ? text : `${text} `),
        ...(link === null
          ? []
          : [run('Open in the console', { selectAction: { type: 'Action.OpenUrl', url: link, title: 'Open' } })]),
      ),
    ),
    block(run(footer, { isSubtle: true, size: 'Small' })),
  ]
  const content = {
    $schema: 'http://adaptivecards.io/schemas/adaptive-card.json',
    type: 'AdaptiveCard',
    version: '1.4',
    body,
  }
  return { type: 'message', attachments: [{ contentType: 'application/vnd.microsoft.card.adaptive', content }] }
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ').trim()
}
