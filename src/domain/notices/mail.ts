// A mail and what became of it.

export type Mail = {
  readonly to: readonly string[]
  readonly subject: string
  readonly text: string
  /** What makes a mail the same one if it is sent once more. */
  readonly messageKey: string
  /** What the mails of one incident have in common. */
  readonly threadKeys: readonly string[]
}

/**
 * `away`: the server cannot be used now, for whatever mail. `reason` is a sentence; that of a mail that was sent says which of its
 * addresses the server refused.
 */
export type MailResult =
  | { readonly sent: true; readonly reason?: string }
  | { readonly sent: false; readonly away: boolean; readonly reason: string }
