// Runs around each file whose process runs other files after it. Takes back what the file stubbed, and fails a file that
// leaves the process other than it found it: the next file would meet that.

import { afterAll, expect, vi } from 'vitest'

const look = () => ({
  environment: { ...process.env },
  folder: process.cwd(),
  globals: { Date, fetch, setTimeout, setInterval, performance },
})

const found = look()

afterAll(() => {
  vi.useRealTimers()
  vi.restoreAllMocks()
  vi.unstubAllEnvs()
  vi.unstubAllGlobals()
  const left = look()
  expect(left.environment, 'A test file changed process.env and did not put it back.').toEqual(found.environment)
  expect(left.folder, 'A test file changed the folder of the process and did not go back.').toBe(found.folder)
  for (const name of Object.keys(found.globals) as (keyof typeof found.globals)[])
    expect(left.globals[name], `A test file replaced globalThis.${name} and did not put it back.`).toBe(
      found.globals[name],
    )
})
