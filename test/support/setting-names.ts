// The settings of the gateway: the variables of the environment that it reads.

import { readConfig } from '../../src/config.ts'

export function settingNames(): string[] {
  const names = new Set<string>()
  const env = new Proxy<Record<string, string>>(
    {},
    {
      get(_values, name: string) {
        names.add(name)
        return undefined
      },
    },
  )
  readConfig(env)
  return [...names]
}
