// Starts Postgres as a program of its own, so that a test can kill it: `node supervisor.ts <options as JSON>`. Prints one line
// of JSON, either the server or the error's message, and then waits: SIGTERM stops Postgres first, SIGHUP just leaves.

import { type PostgresOptions, startPostgres } from '../../src/dev/postgres.ts'

const options = JSON.parse(process.argv[2]!) as Pick<PostgresOptions, 'dataDir' | 'ways' | 'reachableDir'>
const said: string[] = []
const say = (message: string) => void said.push(message)
try {
  const server = await startPostgres({
    ...options,
    fsync: false,
    log: { debug: () => {}, info: say, warn: say, error: say },
    onUnexpectedExit: (error) => console.log(JSON.stringify({ unexpectedExit: error.message })),
  })
  process.once('SIGTERM', () => server.stop())
  process.once('SIGHUP', () => process.exit(0))
  const { url, pid, way, pgdata } = server
  console.log(JSON.stringify({ url, pid, way, pgdata, said }))
} catch (error) {
  console.log(JSON.stringify({ refused: (error as Error).message, said }))
}
