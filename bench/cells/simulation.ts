// Tenants spread over cells for a week, hour by hour: how busy the busiest cell gets, by the rule that places tenants. Pure:
// the same seed gives the same week. `node bench/cells/main.ts` prints the table of docs/cells.md and draws its picture.

import { createRandom } from '../../chaos/plan.ts'

export const RULES = ['by hash', 'by load', 'by load, with moves'] as const
export type Rule = (typeof RULES)[number]

export type World = {
  readonly seed: number
  readonly tenants: number
  /** Deliveries a day over all tenants, without hot hours. */
  readonly deliveriesADay: number
}

export type Week = {
  readonly rule: Rule
  readonly cells: number
  /** For each hour, deliveries a second of the busiest cell and of the mean cell. */
  readonly busiest: readonly number[]
  readonly mean: readonly number[]
  /** Tenants that changed their cell during the week. */
  readonly moves: number
}

export const HOURS = 7 * 24
/** The share of a tenant falls with its rank, as 1 / rank: of 10,000 the largest has a tenth. */
const BUSY_FACTOR = 3
/** Time zones, an hour apart. */
const ZONES = 4
/** One hour in 500 a tenant publishes twenty times its usual rate: a campaign, an outage, a loop. */
const HOT_HOUR_CHANCE = 1 / 500
const HOT_FACTOR = 20
/** Tenants of this share and more are steadier: they are many users already. */
const STEADY_SHARE = 0.005
const HOT_FACTOR_OF_STEADY = 2
/** A cell that is busier than this, over the mean, gives tenants away. */
const MOVES_ABOVE = 1.15
const MOST_MOVES_AN_HOUR = 5

type Tenant = { readonly meanPerSecond: number; readonly zone: number }

/** One week of every rule with this number of cells, on the same tenants and the same hot hours. */
export function simulate(world: World, cells: number): Week[] {
  const random = createRandom(world.seed)
  const tenants = makeTenants(world, random)
  const rates = Array.from({ length: HOURS }, (_, hour) => tenants.map((tenant) => rateOf(tenant, hour, world, random)))
  const hashed = tenants.map(() => Math.floor(random() * cells))
  return RULES.map((rule) => weekOf(rule, { cells, tenants, rates, hashed }))
}

function makeTenants({ tenants, deliveriesADay }: World, random: () => number): Tenant[] {
  const weights = Array.from({ length: tenants }, (_, index) => 1 / (index + 1))
  const whole = sum(weights)
  return weights.map((weight) => ({
    meanPerSecond: ((weight / whole) * deliveriesADay) / 86_400,
    zone: Math.floor(random() * ZONES),
  }))
}

function rateOf({ meanPerSecond, zone }: Tenant, hour: number, world: World, random: () => number): number {
  const share = (meanPerSecond * 86_400) / world.deliveriesADay
  const isHot = random() < HOT_HOUR_CHANCE
  const hot = isHot ? (share >= STEADY_SHARE ? HOT_FACTOR_OF_STEADY : HOT_FACTOR) : 1
  return meanPerSecond * curveOf((hour + zone) % 24) * hot
}

/** The day of a telephone: eight busy hours, and nights with little; its mean is 1. */
function curveOf(hourOfDay: number): number {
  const isBusy = hourOfDay >= 9 && hourOfDay < 17
  return isBusy ? BUSY_FACTOR * QUIET : QUIET
}
const QUIET = 24 / (8 * BUSY_FACTOR + 16)

type Given = {
  readonly cells: number
  readonly tenants: readonly Tenant[]
  readonly rates: readonly (readonly number[])[]
  readonly hashed: readonly number[]
}

function weekOf(rule: Rule, { cells, tenants, rates, hashed }: Given): Week {
  const place = rule === 'by hash' ? [...hashed] : placeByLoad(tenants, cells)
  const busiest: number[] = []
  const mean: number[] = []
  let moves = 0
  for (const now of rates) {
    const loads = loadsOf(place, now, cells)
    busiest.push(Math.max(...loads))
    mean.push(sum(loads) / cells)
    // What is moved was measured in this hour, and counts from the next one.
    if (rule === 'by load, with moves') moves += moveTenants(place, now, loads)
  }
  return { rule, cells, busiest, mean, moves }
}

/** The largest first, each into the cell that has least. */
function placeByLoad(tenants: readonly Tenant[], cells: number): number[] {
  const loads = new Array<number>(cells).fill(0)
  return tenants.map(({ meanPerSecond }) => {
    const least = loads.indexOf(Math.min(...loads))
    loads[least]! += meanPerSecond
    return least
  })
}

/** Moves the largest tenants that fit, from the busiest cell into the calmest. Changes `place` and `loads`. */
function moveTenants(place: number[], rates: readonly number[], loads: number[]): number {
  const mean = sum(loads) / loads.length
  for (let moves = 0; ; moves++) {
    const from = loads.indexOf(Math.max(...loads))
    const to = loads.indexOf(Math.min(...loads))
    if (moves === MOST_MOVES_AN_HOUR || loads[from]! <= mean * MOVES_ABOVE) return moves
    const room = Math.min(loads[from]! - mean, mean - loads[to]!)
    let best = -1
    for (const [tenant, cell] of place.entries())
      if (cell === from && rates[tenant]! <= room && (best < 0 || rates[tenant]! > rates[best]!)) best = tenant
    if (best < 0) return moves
    place[best] = to
    loads[from]! -= rates[best]!
    loads[to]! += rates[best]!
  }
}

function loadsOf(place: readonly number[], rates: readonly number[], cells: number): number[] {
  const loads = new Array<number>(cells).fill(0)
  for (const [tenant, cell] of place.entries()) loads[cell]! += rates[tenant]!
  return loads
}

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0)
