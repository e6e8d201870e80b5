// All scenarios by their names on the command line.

import type { ScenarioName } from '../options.ts'
import type { Scenario } from '../scenario.ts'
import { backlog } from './backlog.ts'
import { bloat } from './bloat.ts'
import { cold } from './cold.ts'
import { consoleQueries } from './console.ts'
import { disk } from './disk.ts'
import { growth } from './growth.ts'
import { isolation } from './isolation.ts'
import { latency } from './latency.ts'
import { live } from './live.ts'
import { order } from './order.ts'
import { ordinary } from './ordinary.ts'
import { throughput } from './throughput.ts'

export const SCENARIOS: Record<ScenarioName, Scenario> = {
  throughput,
  latency,
  ordinary,
  cold,
  isolation,
  order,
  live,
  backlog,
  growth,
  console: consoleQueries,
  bloat,
  disk,
}
