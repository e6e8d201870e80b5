// The cells that the settings name, and how each of them is. Everybody who asks within some seconds shares one read, so many
// open consoles cost what one does.

import type { Context } from '../../context.ts'
import {
  type CellFinding,
  type CellState,
  findingOf,
  type ListedCell,
  mayBeRead,
  notRead,
  ownFinding,
} from '../../domain/access/cell-state.ts'
import { readReady } from '../../egress/read-ready.ts'

const WITHIN_MS = 2_000
const SHARED_FOR_MS = 5_000

/** This cell and those of SIVO_CELL_URLS, by name; none without that setting. `whatFails`: what keeps this one from being ready. */
export function listCells(
  { config, clock }: Pick<Context, 'config' | 'clock'>,
  whatFails: () => Promise<string[]>,
): readonly ListedCell[] {
  const { cell: own, cellUrls } = config
  if (own === null || cellUrls.size === 0) return []
  const names = [...new Set([own, ...cellUrls.keys()])].sort()
  return names.map((name) => {
    const url = cellUrls.get(name) ?? null
    const look = async (): Promise<CellFinding> => {
      if (name === own || url === null) return ownFinding(await whatFails())
      if (!mayBeRead(url)) return notRead(url)
      return findingOf(await readReady(url, { cell: name, withinMs: WITHIN_MS }), { name, url })
    }
    return { name, url, current: name === own, readState: shared(look, clock.monotonicMs) }
  })
}

function shared(look: () => Promise<CellFinding>, monotonicMs: () => number): () => Promise<CellState> {
  let last: { atMs: number; state: Promise<CellState> } | null = null
  return () => {
    const atMs = monotonicMs()
    if (last === null || atMs - last.atMs >= SHARED_FOR_MS)
      last = {
        atMs,
        state: look().then((finding) => ({
          ...finding,
          afterMs: finding.status === 'NOT_ASKED' ? null : Math.round(monotonicMs() - atMs),
        })),
      }
    return last.state
  }
}
