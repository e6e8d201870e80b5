// One browser for all files of a run, and the console that it shows. Starting either takes a second of both cores, so the
// first file that wants them pays, and a run without such a file does not.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { accessSync, constants } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { type BrowserServer, chromium } from 'playwright-core'

export const CHROMIUM = process.env['CHROMIUM_PATH'] ?? '/usr/bin/chromium'

export function hasBrowser(): boolean {
  try {
    accessSync(CHROMIUM, constants.X_OK)
    return true
  } catch {
    return false
  }
}

export type BrowserOfRun = {
  /** Answers a GET with the WebSocket address for playwright's `connect`, or with HTTP 500 and what failed. */
  readonly url: string
  close(): Promise<void>
}

/** Builds the console and starts the browser at the first question, and a browser that ended at the next one. */
export async function openBrowserOfRun(): Promise<BrowserOfRun> {
  let browser: Promise<BrowserServer> | null = null
  const started = () => {
    browser ??= start(() => {
      browser = null
    })
    return browser
  }
  const server = createServer((_request, response) =>
    started().then(
      (running) => response.end(running.wsEndpoint()),
      (error: Error) => {
        browser = null
        response.writeHead(500).end(error.message)
      },
    ),
  )
  await once(server.listen(0, '127.0.0.1'), 'listening')
  server.unref()
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      server.closeAllConnections()
      server.close()
      await (await browser?.catch(() => null))?.close()
    },
  }
}

async function start(whenEnded: () => void): Promise<BrowserServer> {
  await buildConsole()
  const browser = await chromium.launchServer({
    executablePath: CHROMIUM,
    host: '127.0.0.1',
    // Nothing of the browser's own asks the network, and a container needs no second sandbox.
    args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--disable-background-networking'],
    // The run ends by its own handlers, and with the process the browser ends too.
    handleSIGINT: false,
    handleSIGTERM: false,
    handleSIGHUP: false,
  })
  browser.once('close', whenEnded)
  return browser
}

async function buildConsole(): Promise<void> {
  const file = join(import.meta.dirname, '../../scripts/build-console.ts')
  const [code] = await once(spawn(process.execPath, [file], { stdio: 'inherit' }), 'close')
  if (code !== 0) throw new Error(`Expected ${file} to build the console, got the exit code ${code}. Read its output.`)
}
