// The system's keychain, through the program that each system has for it: `secret-tool` (libsecret) on Linux, `security` on
// macOS. The secret goes through standard input, never through arguments, which other users may read. Where there is no
// such program, or nobody unlocks the keychain, there is no keychain.

import { spawn } from 'node:child_process'

const SERVICE = 'sivo-webhooks'
/** Longer than a person needs to unlock it. */
const PATIENCE_MS = 60_000

/** Stores a secret under a name. False: this system has no keychain that can be used. */
export async function storeInKeychain(name: string, secret: string): Promise<boolean> {
  const stored = await onThisSystem({
    linux: () =>
      run('secret-tool', ['store', `--label=SIVO Webhooks (${name})`, 'service', SERVICE, 'profile', name], secret),
    darwin: () =>
      run('security', ['-i'], `add-generic-password -U -s ${SERVICE} -a ${quote(name)} -w ${quote(secret)}\n`),
  })
  return stored !== null && (await readFromKeychain(name)) === secret
}

/** The secret under a name; null: it is not there, or there is no keychain. */
export async function readFromKeychain(name: string): Promise<string | null> {
  const found = await onThisSystem({
    linux: () => run('secret-tool', ['lookup', 'service', SERVICE, 'profile', name]),
    darwin: () => run('security', ['find-generic-password', '-s', SERVICE, '-a', name, '-w']),
  })
  return found?.trimEnd() || null
}

type Ways = { linux(): Promise<string | null>; darwin(): Promise<string | null> }

async function onThisSystem(ways: Ways): Promise<string | null> {
  if (process.env['SIVO_NO_KEYCHAIN']) return null
  if (process.platform === 'darwin') return ways.darwin()
  // Without a session bus libsecret has nobody to ask.
  return process.platform === 'linux' && process.env['DBUS_SESSION_BUS_ADDRESS'] ? ways.linux() : null
}

const quote = (text: string) => `"${text.replace(/["\\]/g, '\\$&')}"`

/** What the program printed; null when it is not there or fails. */
function run(program: string, args: readonly string[], input = ''): Promise<string | null> {
  return new Promise((resolve) => {
    const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'ignore'], timeout: PATIENCE_MS })
    let output = ''
    child.stdout.on('data', (chunk) => (output += chunk))
    child.stdin.on('error', () => {})
    child.once('error', () => resolve(null))
    child.once('close', (code) => resolve(code === 0 ? output : null))
    child.stdin.end(input)
  })
}
