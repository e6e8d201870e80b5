// One request to the /ready of another cell. Its address is the operator's own, so it may be of a private network. Promise: it
// ends within its time, reads no more than it may, follows no redirect, sends no credential, and never rejects.

import { Agent, request } from 'undici'
import type { ReadyReply } from '../domain/access/cell-state.ts'

/** An answer has a line for each part that fails. */
const MAX_BYTES = 8 * 1024

/** `cell`: told to a proxy that stands in front of several. `withinMs`: for everything, from the name to the last byte. */
export async function readReady(
  url: string,
  { cell, withinMs }: { cell: string; withinMs: number },
): Promise<ReadyReply> {
  const signal = AbortSignal.timeout(withinMs)
  // For this request alone, so that each read looks up the name and opens a connection as a client would.
  const agent = new Agent({ connect: { timeout: withinMs } })
  let unconnected = true
  agent.on('connect', () => {
    unconnected = false
  })
  try {
    const { statusCode, body } = await request(`${url}/ready`, {
      dispatcher: agent,
      signal,
      headers: { accept: 'application/json', 'x-sivo-cell': cell },
    })
    // What is left of it ends with the agent.
    body.on('error', () => {})
    const chunks: Buffer[] = []
    let bytes = 0
    for await (const chunk of body) {
      bytes += chunk.length
      if (bytes > MAX_BYTES) return { status: statusCode, text: null }
      chunks.push(chunk)
    }
    return { status: statusCode, text: Buffer.concat(chunks).toString() }
  } catch (error) {
    if (signal.aborted) return { silentForMs: withinMs }
    const { code = 'UND_', message } = error as { code?: string; message: string }
    // undici's own codes say less than its sentences.
    return { error: code.startsWith('UND_') ? message.slice(0, 100) : code, unconnected }
  } finally {
    await agent.destroy()
  }
}
