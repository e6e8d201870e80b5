// What is said to a request that belongs to another cell: which cell, and where that is.

import type { ServerResponse } from 'node:http'
import { CloseCode } from 'graphql-ws'
import { type Cells, describeOtherCell } from '../../domain/access/cell.ts'
import { cellOfToken } from '../../domain/access/credential.ts'
import { replyError } from '../http/reply.ts'
import type { Authenticator, Credential } from './authenticate.ts'
import { CLOSE, type Close, MAX_REASON_BYTES, TRY_AGAIN_LATER } from './close-codes.ts'

/** "Misdirected Request": the server cannot answer for what the request names. */
const MISDIRECTED = 421

/** The cell that a token names, if it is another one; null if it names none, or this one. */
function otherCellOf(token: string, { cell }: Cells): string | null {
  const named = cellOfToken(token)
  return named === cell ? null : named
}

/** The cell to which a refused credential belongs: where its tenant moved, or the one that it names. */
export function cellOfRefused(
  credential: Credential,
  authenticator: Pick<Authenticator, 'movedTo'>,
  cells: Cells,
): string | null {
  return authenticator.movedTo(credential) ?? otherCellOf(credential.token, cells)
}

/** Refuses a request of another cell. `what`: such as `this key`. */
export function replyWrongCell(response: ServerResponse, other: string, what: string, cells: Cells): void {
  const url = cells.cellUrls.get(other)
  replyError(response, MISDIRECTED, 'WRONG_CELL', describeOtherCell(what, other, cells), {
    errorExtensions: { cell: other, ...(url !== undefined && { url }) },
  })
}

/** Ends a socket that belongs to another cell. Behind one address that of the other cell says nothing new: there its name leads. */
function closeForCell(other: string, { cell, cellUrls }: Cells): Close {
  const to = (where: string) => `This key belongs to the cell ${other}. Connect to ${where}. See docs/cells.md`
  const url = cellUrls.get(other)
  const isHere = cell !== null && url === cellUrls.get(cell)
  const named = to(url === undefined || isHere ? `?cell=${other}` : url)
  return {
    code: CloseCode.Forbidden,
    reason: Buffer.byteLength(named) <= MAX_REASON_BYTES ? named : to(`?cell=${other}`),
  }
}

/** Ends a socket whose credential is nobody's here. */
export function closeOfRefused(
  credential: Credential,
  authenticator: Pick<Authenticator, 'movedTo'>,
  cells: Cells,
): Close {
  const moved = authenticator.movedTo(credential)
  if (moved !== null) return closeForMoved(moved)
  const other = otherCellOf(credential.token, cells)
  return other === null ? CLOSE.unknownCredential : closeForCell(other, cells)
}

/** Ends a socket whose tenant moved. The client connects again, and the proxy in front leads it to the cell. */
export function closeForMoved(cell: string): Close {
  return { code: TRY_AGAIN_LATER, reason: `This tenant moved to the cell ${cell}. Connect again. See docs/cells.md` }
}
