// Starts a receiver of a page and sends it the vectors, signed by openssl for the present moment.

import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:net'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import { expect } from 'vitest'
import { freePort } from '../../src/dev/free-port.ts'
import { bodyOf, type SecretName, type Vectors } from './vectors.ts'

/** What the receivers know in turn: before, after and during a rotation. */
const KNOWN: readonly SecretName[][] = [['current'], ['coming'], ['current', 'coming']]
const STARTING_MS = 60_000

let made: { at: number; vectors: Promise<Vectors> } | null = null
const FRESH_MS = 60_000

/** The vectors as they are made now, or were made less than a minute ago: receivers tolerate five. */
export function freshVectors(): Promise<Vectors> {
  if (!made || Date.now() - made.at > FRESH_MS) made = { at: Date.now(), vectors: makeVectors() }
  return made.vectors
}

async function makeVectors(): Promise<Vectors> {
  const script = join(import.meta.dirname, 'make-vectors.sh')
  const { stdout } = await promisify(execFile)('bash', [script, String(Math.floor(Date.now() / 1000))])
  return JSON.parse(stdout)
}

export type Program = {
  command: string
  /** `$PORT` stands for the port. */
  args: string[]
  cwd: string
  env?: Record<string, string>
  /** `/webhooks` unless said otherwise. */
  path?: string
}

/** Sends every vector to the program, once for each set of secrets that a receiver knows around a rotation. */
export async function expectVectors(scheme: 'sivo' | 'standard', program: Program, knownInTurn = KNOWN): Promise<void> {
  for (const known of knownInTurn) {
    const { secrets, vectors } = await freshVectors()
    const receiver = await startReceiver(program, known.map((name) => secrets[name]).join(' '))
    try {
      for (const vector of vectors) {
        const reply = await fetch(receiver.url, {
          method: 'POST',
          headers: { 'content-type': 'application/json', ...vector.headers },
          body: new Uint8Array(bodyOf(vector)),
        }).catch((error: Error) => ({ status: `${error.message} ${error.cause}`, text: async () => '' }))
        await reply.text()
        const isAccepted = vector[scheme].some((name) => known.includes(name))
        // A server may refuse by itself what is no ASCII.
        const statuses = isAccepted ? [204] : vector.name.includes('no ASCII') ? [400, 401] : [401]
        expect(statuses, `${vector.name}, known: ${known}\n${receiver.output()}`).toContain(reply.status)
      }
    } finally {
      await receiver.stop()
    }
  }
}

type Running = { url: string; output(): string; stop(): Promise<void> }

/** Starts the program and waits until it listens. `secrets` are separated by spaces. */
export async function startReceiver(
  { command, args, cwd, env, path = '/webhooks' }: Program,
  secrets: string,
): Promise<Running> {
  const port = await freePort()
  const child = spawn(
    command,
    args.map((arg) => arg.replaceAll('$PORT', String(port))),
    {
      cwd,
      env: { ...process.env, PORT: String(port), SIVO_WEBHOOK_SECRETS: secrets, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      // A group of its own: some servers start workers.
      detached: true,
    },
  )
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (text) => (output = (output + text).slice(-4_000)))
  child.once('error', (error) => (output += error.message))
  const stop = () => end(child)
  const deadline = performance.now() + STARTING_MS
  while (!(await answers(port))) {
    if (child.exitCode !== null || child.pid === undefined || performance.now() > deadline) {
      await stop()
      throw new Error(`${command} ${args.join(' ')} did not listen on port ${port}:\n${output}`)
    }
    await delay(50)
  }
  return { url: `http://127.0.0.1:${port}${path}`, output: () => output, stop }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, 'exit')
  process.kill(-child.pid, 'SIGKILL')
  await ended
}

function answers(port: number): Promise<boolean> {
  return new Promise((done) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => {
      socket.destroy()
      done(true)
    })
    socket.once('error', () => done(false))
  })
}
