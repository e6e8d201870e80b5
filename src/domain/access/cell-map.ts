// HAProxy's maps for cells (deploy/haproxy-cells.cfg): what names a cell, with the name of the backend.

import { RANDOM_PART } from './credential.ts'

/** The lines of cells.map: regular expressions for keys and sessions, for the name alone, and for the state of a sign-in. */
export function linesOfCells(cells: readonly string[]): string[] {
  return cells.flatMap((cell) => [
    `^sivo(session)?_${cell}_${RANDOM_PART}$ ${backendOf(cell)}`,
    `^${cell}$ ${backendOf(cell)}`,
    `^${cell}\\. ${backendOf(cell)}`,
  ])
}

/** The name of the backend of a cell. */
export function backendOf(cell: string): string {
  return `cell_${cell}`
}
