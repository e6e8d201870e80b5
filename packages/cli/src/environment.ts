/** A variable of the environment. An empty one counts as none: `export SIVO_KEY=$(cat key.txt)` leaves one where the file is missing. */
export function variable(name: string, env: NodeJS.ProcessEnv = process.env): string | undefined {
  return env[name] || undefined
}
