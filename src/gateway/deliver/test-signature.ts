// The tests that are signed wrongly on purpose. Only an attempt of a test reads here.

import type { HotDatabase, Statement } from '../../database/pools.ts'
import type { TestSignature } from '../../domain/signing/test-signature.ts'

const READ: Statement = { name: 'test-signature', text: 'select kind from test_signature where delivery_id = $1' }
const FORGET: Statement = {
  name: 'forget-test-signatures',
  text: `delete from test_signature where created_at < now() - interval '1 d'`,
}

export async function readTestSignature(hot: HotDatabase, deliveryId: string): Promise<TestSignature> {
  const [row] = await hot.query<{ kind: TestSignature }>(READ, [deliveryId])
  return row?.kind ?? 'VALID'
}

/** Deletes those of tests that are older than a day. */
export async function forgetTestSignatures({ hot }: { readonly hot: HotDatabase }): Promise<void> {
  await hot.query(FORGET, [])
}
