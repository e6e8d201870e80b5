// The operators as recipients of notices: their addresses are settings, and one row for each kind holds what was sent.

import type { Context } from '../../context.ts'
import type { Statement } from '../../database/pools.ts'
import type { OperatorNotices } from '../../domain/notices/settings.ts'
import type { NoticeRecipientKind } from '../../generated/prisma/enums.ts'

/** The kinds of notices for which the settings have an address of the operators. */
export function operatorKinds({
  operatorNotices,
}: {
  readonly operatorNotices: OperatorNotices
}): NoticeRecipientKind[] {
  const { emails, slackUrl, teamsUrl } = operatorNotices
  const kinds: NoticeRecipientKind[] = []
  if (emails.length > 0) kinds.push('EMAIL')
  if (slackUrl !== null) kinds.push('SLACK')
  if (teamsUrl !== null) kinds.push('TEAMS')
  return kinds
}

const ENSURE: Statement = {
  name: 'ensure-operators',
  text: `
    insert into notice_recipient (kind, hint)
    select k, 'operators' from unnest($1::notice_recipient_kind[]) as k order by k
    on conflict (kind) where tenant_id is null do nothing`,
}

/** Makes the rows of the operators for the kinds that the settings have. */
export async function ensureOperators({ hot, config }: Pick<Context, 'hot' | 'config'>): Promise<void> {
  const kinds = operatorKinds(config)
  if (kinds.length > 0) await hot.query(ENSURE, [kinds])
}
