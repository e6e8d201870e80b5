import { randomUUID } from 'node:crypto'
import type { Viewer } from '../../src/context.ts'

/** An operator with a key of its own. */
export function operatorNamed(name: string): Viewer {
  return { role: 'OPERATOR', tenantId: null, name, expiresAt: null, credential: { kind: 'key', id: randomUUID() } }
}
