// Child processes that take commands and answer them. The receiver, the publishers, the poster and the subscribers run in
// processes of their own, so that their cost can be measured apart from the gateway's.

import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'

export type Child<Commands extends Record<string, Command>> = {
  readonly pid: number
  /** Sends the command and resolves with its answer. Rejects with what the child threw, or when it ends. */
  ask<Name extends keyof Commands & string>(
    name: Name,
    input: Commands[Name]['input'],
  ): Promise<Commands[Name]['answer']>
  end(): Promise<void>
}

export type Command = { input: unknown; answer: unknown }

type Question = { id: number; name: string; input: unknown }
type Answer = { id: number; answer?: unknown; error?: string }

/** Starts a file of this folder. */
export function startChild<Commands extends Record<string, Command>>(
  file: string,
  env: Record<string, string> = {},
): Child<Commands> {
  const child: ChildProcess = fork(fileURLToPath(new URL(file, import.meta.url)), {
    stdio: ['ignore', 2, 2, 'ipc'],
    env: { ...process.env, ...env },
    // Structured clone, because measurements are typed arrays.
    serialization: 'advanced',
  })
  const waiting = new Map<number, { resolve: (answer: never) => void; reject: (error: Error) => void }>()
  let lastId = 0
  child.on('message', ({ id, answer, error }: Answer) => {
    const asked = waiting.get(id)
    waiting.delete(id)
    if (error === undefined) asked?.resolve(answer as never)
    else asked?.reject(new Error(`${file}: ${error}`))
  })
  const ended = new Promise<void>((resolve) => {
    child.once('exit', (code, signal) => {
      for (const { reject } of waiting.values()) reject(new Error(`${file} ended with ${code ?? signal}.`))
      resolve()
    })
  })
  return {
    pid: child.pid!,
    ask(name, input) {
      return new Promise((resolve, reject) => {
        const id = ++lastId
        waiting.set(id, { resolve, reject })
        // A child that has ended takes no question, and its end was told before this one was asked.
        child.send({ id, name, input } satisfies Question, (error) => error && reject(error))
      })
    },
    async end() {
      child.kill('SIGKILL')
      await ended
    },
  }
}

/** Makes this process answer commands. It ends when its parent ends. */
export function answerParent<Commands extends Record<string, Command>>(
  commands: {
    [Name in keyof Commands]: (
      input: Commands[Name]['input'],
    ) => Promise<Commands[Name]['answer']> | Commands[Name]['answer']
  },
): void {
  process.on('disconnect', () => process.exit(0))
  process.on('message', async ({ id, name, input }: Question) => {
    try {
      process.send!({ id, answer: await commands[name]!(input as never) } satisfies Answer)
    } catch (error) {
      process.send!({ id, error: (error as Error).stack ?? String(error) } satisfies Answer)
    }
  })
}
