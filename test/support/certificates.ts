// Certificates for tests: an authority of its own and what it signs.

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  type IssuedCertificate,
  makeServerCertificate,
  openCertificateAuthority,
} from '../../src/dev/certificate-authority.ts'

export type Certificate = IssuedCertificate
export type IssueOptions = { names: string[]; notBefore?: Date; notAfter?: Date }
export type Authority = { cert: string; issue(options: IssueOptions): Promise<Certificate> }

/** An authority nobody trusts unless told to. */
export async function makeAuthority(): Promise<Authority> {
  const folder = await mkdtemp(join(tmpdir(), 'sivo-authority-'))
  const authority = await openCertificateAuthority(folder)
  await rm(folder, { recursive: true })
  return {
    cert: authority.certificate,
    issue: async ({ names, ...validity }) => authority.issue(names, validity),
  }
}

/** A certificate that signs itself. */
export async function makeSelfSigned(names: string[]): Promise<Certificate> {
  return makeServerCertificate(names)
}
