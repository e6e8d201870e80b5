// All scenarios by their names on the command line, and the bursts of those that have some.

import type { BurstScenarioName, ScenarioName } from '../options.ts'
import type { OpenBursts, Scenario } from '../scenario.ts'
import { backlog } from './backlog.ts'
import { bloat } from './bloat.ts'
import { cold } from './cold.ts'
import { consoleQueries } from './console.ts'
import { disk } from './disk.ts'
import { growth } from './growth.ts'
import { isolation, isolationBursts } from './isolation.ts'
import { latency, latencyBursts } from './latency.ts'
import { live } from './live.ts'
import { order } from './order.ts'
import { ordinary, ordinaryBursts } from './ordinary.ts'
import { throughput, throughputBursts } from './throughput.ts'

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

export const BURSTS: Record<BurstScenarioName, OpenBursts> = {
  throughput: throughputBursts,
  latency: latencyBursts,
  ordinary: ordinaryBursts,
  isolation: isolationBursts,
}
