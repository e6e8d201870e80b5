import type { App } from '../../src/app.ts'
import type { House } from './house.ts'

/** Resolves when every event that was published is in the index of the search. */
export async function untilIndexed(house: Pick<House, 'until'> & { readonly app: Pick<App, 'ctx'> }): Promise<void> {
  await house.until(async () => {
    const { rows } = await house.app.ctx.hot.pool.query('select 1 from search_backlog limit 1')
    return rows.length === 0
  })
}
