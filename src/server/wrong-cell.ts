// What is said to a request that belongs to another cell: which cell, and where that is.

import type { ServerResponse } from 'node:http'
import { CloseCode } from 'graphql-ws'
import { type Cells, describeOtherCell } from '../domain/cell.ts'
import { cellOfToken } from '../domain/credential.ts'
import { type Close, MAX_REASON_BYTES } from './close-codes.ts'
import { replyError } from './reply.ts'

/** "Misdirected Request": the server cannot answer for what the request names. */
const MISDIRECTED = 421

/** The cell that a token names, if it is another one; null if it names none, or this one. */
export function otherCellOf(token: string, { cell }: Cells): string | null {
  const named = cellOfToken(token)
  return named === cell ? null : named
}

/** Refuses a request of another cell. `what`: such as `this key`. */
export function replyWrongCell(response: ServerResponse, other: string, what: string, cells: Cells): void {
  const url = cells.cellUrls.get(other)
  replyError(response, MISDIRECTED, 'WRONG_CELL', describeOtherCell(what, other, cells), {
    errorExtensions: { cell: other, ...(url !== undefined && { url }) },
  })
}

/** Ends a socket that belongs to another cell. */
export function closeForCell(other: string, { cellUrls }: Cells): Close {
  const to = (where: string) => `This key belongs to the cell ${other}. Connect to ${where}. See docs/cells.md`
  const named = to(cellUrls.get(other) ?? `?cell=${other}`)
  return {
    code: CloseCode.Forbidden,
    reason: Buffer.byteLength(named) <= MAX_REASON_BYTES ? named : to(`?cell=${other}`),
  }
}
