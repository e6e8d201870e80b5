// The requests that come to a test receiver, as they come.

import type { Context } from '../../context.ts'
import type { Stream } from '../../live/live-stream.ts'
import { watch } from '../../live/watch.ts'

const LOOK_EVERY_MS = 500
const SEEN_AT_ONCE = 120

/** The ids of the requests that come from now on, oldest first. */
export async function watchReceivedRequests({ db }: Pick<Context, 'db'>, tenantId: string): Promise<Stream<string>> {
  const newest = async () => {
    const rows = await db.receivedRequest.findMany({
      where: { tenantId },
      orderBy: { id: 'desc' },
      take: SEEN_AT_ONCE,
      select: { id: true },
    })
    return rows.map(({ id }) => id).reverse()
  }
  let seen = new Set(await newest())
  return watch<string>(
    async () => {
      const ids = await newest()
      // A process whose clock is behind adds a request below others: what counts is that it was not there before.
      const values = ids.filter((id) => !seen.has(id))
      seen = new Set(ids)
      return { values, over: false }
    },
    () => LOOK_EVERY_MS,
  )
}
