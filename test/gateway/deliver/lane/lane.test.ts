// A lane by itself: no database, no receiver, and a clock that the test moves.

import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { ClaimedDelivery, Gate } from '../../../../src/gateway/deliver/claimed-delivery.ts'
import { createDepartures, type DeparturesOptions } from '../../../../src/gateway/deliver/departures.ts'
import { createLane, type Lane, type LaneClaim } from '../../../../src/gateway/deliver/lane/lane.ts'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

type OpenLane = { lane: Lane; changes: string[] }

/** `changes` has the state after each change. */
function openLane({ test = false, hasNeighbours = false } = {}): OpenLane {
  const changes: string[] = []
  const lane = createLane({
    endpointId: 'ep',
    test,
    monotonicMs: () => performance.now(),
    hasNeighbours: () => hasNeighbours,
    onChange: () => void (lane && changes.push(lane.state.kind)),
  })
  return { lane, changes }
}

const PLENTY = { freeSlots: 100, rows: 100 }
const NOW = new Date(1_700_000_000_000)
const NO_LIMITS: Gate = {
  openAt: null,
  maxInFlight: null,
  room: null,
  allowed: null,
  heldUntil: null,
  open: false,
  more: false,
}
const answered = (latencyMs: number) => ({ errorCode: null, latencyMs })

function ask(lane: Lane): LaneClaim {
  const claim = lane.ask(PLENTY)
  if (!claim) throw new Error('The lane asked for nothing.')
  return claim
}

/** A lane whose receiver answered four times. */
function wideLane(latencyMs: number, options = {}): Lane {
  const { lane } = openLane(options)
  for (let i = 0; i < 4; i++) lane.learn(answered(latencyMs))
  return lane
}

/** Puts this many attempts of the lane in the air. */
function take(lane: Lane, count: number): void {
  for (let i = 0; i < count; i++) lane.takeSlot()
}

function keepAhead(lane: Lane, count: number): void {
  for (let i = 0; i < count; i++) lane.keepAhead({} as Parameters<Lane['keepAhead']>[0])
}

describe('the state of a lane', () => {
  test('a new lane is idle, and a lane that is idle and empty is unused', () => {
    const { lane } = openLane()
    expect(lane.state.kind).toBe('idle')
    expect(lane.isUnused).toBe(true)
  })

  test('a lane becomes runnable by a wake-up, claiming by a claim, and idle when the claim brought less than it asked for', () => {
    const { lane, changes } = openLane()
    lane.wake()
    lane.wake()
    const claim = ask(lane)
    expect(claim).toMatchObject({ slots: 2, atOnce: 2, low: null })
    lane.endClaim(claim, 1)
    expect(changes).toEqual(['runnable', 'claiming', 'idle'])
  })

  test.each([
    { why: 'the claim brought all that it asked for', end: (lane: Lane, claim: LaneClaim) => lane.endClaim(claim, 2) },
    { why: 'the claim failed', end: (lane: Lane, claim: LaneClaim) => lane.endClaim(claim, null) },
    {
      why: 'the lane was woken while the claim was in the air',
      end(lane: Lane, claim: LaneClaim) {
        lane.wake()
        lane.endClaim(claim, 0)
      },
    },
  ])('a lane becomes runnable again when $why', ({ end }) => {
    const { lane } = openLane()
    lane.wake()
    end(lane, ask(lane))
    expect(lane.state.kind).toBe('runnable')
  })

  test('a lane allows no second claim while one is in the air', () => {
    const { lane } = openLane()
    expect(() => lane.ask(PLENTY)).toThrow('A lane that is idle cannot claim.')
    lane.wake()
    ask(lane)
    expect(() => lane.ask(PLENTY)).toThrow('A lane that is claiming cannot claim.')
  })

  test('a closed lane stays closed until its time, also after wake-ups, and then becomes runnable by itself', () => {
    const { lane, changes } = openLane()
    lane.closeFor(5_000, 'secret_unreadable')
    lane.wake()
    expect(lane.state).toMatchObject({ kind: 'closed', why: 'secret_unreadable' })
    vi.advanceTimersByTime(4_990)
    expect(lane.state.kind).toBe('closed')
    vi.advanceTimersByTime(20)
    expect(lane.state.kind).toBe('runnable')
    expect(changes).toEqual(['closed', 'runnable'])
  })

  test('a lane is never closed for a shorter time than before', () => {
    const { lane } = openLane()
    lane.closeFor(5_000, 'secret_unreadable')
    lane.closeFor(250, 'in_flight_limit')
    expect(lane.state).toMatchObject({ why: 'secret_unreadable' })
    vi.advanceTimersByTime(300)
    lane.wake()
    expect(lane.state.kind).toBe('closed')
  })

  test('a closed lane stays closed when a claim ends that was in the air', () => {
    const { lane } = openLane()
    lane.wake()
    const claim = ask(lane)
    lane.closeFor(1_000, 'secret_unreadable')
    lane.endClaim(claim, 0)
    expect(lane.state.kind).toBe('closed')
  })

  test('the end of an earlier claim does not change a lane', () => {
    const { lane } = openLane()
    lane.wake()
    const earlier = ask(lane)
    lane.closeFor(10, 'rate_limit')
    vi.advanceTimersByTime(50)
    const later = ask(lane)
    lane.endClaim(earlier, 0)
    expect(lane.state).toMatchObject({ kind: 'claiming', claim: later })
  })

  test('a lane becomes runnable at each of its wake times', () => {
    const { lane } = openLane()
    lane.wakeIn(100)
    lane.wakeIn(1_000)
    expect(lane.isUnused, 'it waits for its time').toBe(false)
    for (const ms of [130, 900]) {
      vi.advanceTimersByTime(ms)
      expect(lane.state.kind).toBe('runnable')
      lane.endClaim(ask(lane), 0)
    }
    expect(lane.isUnused).toBe(true)
  })

  test('time no longer changes a lane that was closed down', () => {
    const { lane } = openLane()
    lane.wakeIn(100)
    lane.close()
    lane.wakeIn(100)
    vi.advanceTimersByTime(1_000)
    expect(lane.state.kind).toBe('idle')
  })
})

describe('a lane behind a gate', () => {
  /** A lane whose claim came back through a gate that said this. */
  function laneAt(gate: { [field in keyof Gate]?: Gate[field] | undefined }, got: number) {
    const { lane } = openLane()
    lane.wake()
    const claim = ask(lane)
    lane.passGate(claim, { ...NO_LIMITS, ...gate } as Gate, { got, now: NOW })
    lane.endClaim(claim, got)
    return lane
  }

  test.each([
    { gate: { room: 2, maxInFlight: 3 }, got: 2, state: 'runnable', because: 'the claim was filled' },
    { gate: { room: 1, maxInFlight: 3 }, got: 1, state: 'closed', because: 'the endpoint has its most in flight' },
    { gate: { room: 2, maxInFlight: 3 }, got: 1, state: 'idle', because: 'nothing more is due' },
    {
      gate: { allowed: 1, openAt: new Date(NOW.getTime() + 50) },
      got: 1,
      state: 'closed',
      because: 'the rate is used up',
    },
    {
      gate: { allowed: 2, openAt: new Date(NOW.getTime() + 50) },
      got: 1,
      state: 'idle',
      because: 'nothing more is due',
    },
  ])(
    'a lane behind a gate is $state after a claim of 2 that brought $got, because $because',
    ({ gate, got, state }) => {
      expect(laneAt(gate, got).state.kind).toBe(state)
    },
  )

  test('a full lane behind a gate waits for a slot of its own, or looks again after 250 ms', () => {
    const freed = laneAt({ room: 0, maxInFlight: 3 }, 0)
    freed.takeSlot()
    freed.freeSlot()
    expect(freed.state.kind).toBe('runnable')
    const recheck = laneAt({ room: 0, maxInFlight: 3 }, 0)
    vi.advanceTimersByTime(280)
    expect(recheck.state.kind).toBe('runnable')
  })

  test('a freed slot does not open a lane that waits for its rate', () => {
    const lane = laneAt({ allowed: 0, openAt: new Date(NOW.getTime() + 5_000) }, 0)
    lane.takeSlot()
    lane.freeSlot()
    expect(lane.state).toMatchObject({ kind: 'closed', why: 'rate_limit' })
  })

  test('a lane behind a gate uses no more slots than the endpoint allows, and offers no places', () => {
    const lane = laneAt({ room: 3, maxInFlight: 3 }, 1)
    for (let i = 0; i < 4; i++) lane.learn(answered(5))
    expect(lane.limit.slots).toBe(3)
    expect(lane.isGated).toBe(true)
    expect(lane.placesToOffer()).toBe(0)
    lane.wake()
    expect(ask(lane), 'claims nothing ahead').toMatchObject({ slots: 3, atOnce: 3 })
  })

  test('a lane behind a gate is an ordinary lane again when the limits are gone', () => {
    const lane = laneAt({ open: true }, 0)
    expect(lane.isGated).toBe(false)
    expect(lane.placesToOffer()).toBeGreaterThan(0)
  })

  test('a lane that meets a gate at a claim asks again at once', () => {
    const { lane } = openLane()
    lane.wake()
    const claim = ask(lane)
    lane.meetGate()
    lane.endClaim(claim, 0)
    expect(lane.isGated).toBe(true)
    expect(lane.state.kind).toBe('runnable')
  })
})

describe('a receiver that asks for fewer requests', () => {
  const REPLY = { startedAt: new Date(NOW.getTime() - 20), repliedAt: NOW, wasPaced: true }
  const inSeconds = (seconds: number) => new Date(NOW.getTime() + seconds * 1_000)
  /** Puts a claim through the gate that says this. */
  function claimThrough(lane: Lane, gate: Partial<Gate>, got = 0): void {
    const claim = ask(lane)
    lane.passGate(claim, { ...NO_LIMITS, ...gate }, { got, now: NOW })
    lane.endClaim(claim, got)
  }

  test('closes the lane until every refusal is stored, and then sends its claims through the gate', () => {
    const lane = wideLane(5)
    take(lane, 3)
    lane.refuse({ waitMs: null }, REPLY)
    lane.refuse({ waitMs: null }, REPLY)
    expect(lane.isHeld).toBe(true)
    lane.wake()
    lane.refusalStored()
    expect(lane.isHeld, 'one is still being stored').toBe(true)
    lane.refusalStored()
    expect(lane.state.kind).toBe('runnable')
    expect(lane.isGated).toBe(true)
    expect(lane.placesToOffer()).toBe(0)
  })

  test('is heard with the rate that it accepts: successes of the last second, and what is in the air and not refused', () => {
    const { lane } = openLane()
    for (let i = 0; i < 4; i++) lane.learn(answered(5))
    take(lane, 3)
    const refusals = [1, 2, 3].map(() => lane.refuse({ waitMs: 5_000 }, REPLY))
    expect(refusals.map(({ observedRate }) => observedRate)).toEqual([6, 5, 4])
    expect(refusals.map(({ hasAccepted }) => hasAccepted)).toEqual([true, false, false])
    expect(refusals[0]).toMatchObject({ waitMs: 5_000, ...REPLY })
  })

  test('is asked again at the end of its wait, and every five seconds before', () => {
    const { lane } = openLane()
    lane.refuse({ waitMs: 7_000 }, REPLY)
    lane.refusalStored()
    claimThrough(lane, { allowed: 0, heldUntil: inSeconds(7), openAt: inSeconds(7) })
    expect(lane.isHeld).toBe(true)
    vi.advanceTimersByTime(4_900)
    expect(lane.isHeld).toBe(true)
    vi.advanceTimersByTime(200)
    expect(lane.state.kind).toBe('runnable')
    claimThrough(lane, { allowed: 0, heldUntil: inSeconds(1), openAt: inSeconds(1) })
    vi.advanceTimersByTime(1_100)
    expect(lane.state.kind).toBe('runnable')
  })

  test('is asked again at once when a person may have ended the wait, but not while a refusal is being stored', () => {
    const { lane } = openLane()
    lane.refuse({ waitMs: 7_000 }, REPLY)
    lane.recheckHold()
    expect(lane.isHeld).toBe(true)
    lane.refusalStored()
    claimThrough(lane, { allowed: 0, heldUntil: inSeconds(7), openAt: inSeconds(7) })
    lane.recheckHold()
    expect(lane.state.kind).toBe('runnable')
  })

  test('and accepts again is reported by the next claim through the gate, also if that claim fails at first', () => {
    const { lane } = openLane()
    lane.refuse({ waitMs: null }, REPLY)
    lane.refusalStored()
    lane.learn(answered(5))
    const failed = ask(lane)
    expect(failed.accepted).toBe(true)
    lane.endClaim(failed, null)
    expect(ask(lane).accepted).toBe(true)
  })

  test('keeps a lane no longer than twenty seconds closed while its refusal cannot be stored', () => {
    const { lane } = openLane()
    lane.refuse({ waitMs: null }, REPLY)
    vi.advanceTimersByTime(20_100)
    expect(lane.state.kind).toBe('runnable')
  })
})

describe('the place of a lane in the table', () => {
  const DUE = 1_700_000_000_000

  test('the place of a lane in the table follows the newest claimed delivery, 1.5 s behind it', () => {
    const { lane } = openLane()
    lane.wake()
    const claim = ask(lane)
    lane.passDueTime(claim, new Date(DUE + 9_000))
    lane.passDueTime(claim, new Date(DUE))
    lane.endClaim(claim, 2)
    expect(ask(lane).low).toBe(DUE + 7_500)
  })

  test('the place of a lane is the beginning again after it was told to look from there, also during a claim', () => {
    const { lane } = openLane()
    lane.wake()
    const claim = ask(lane)
    lane.lookFromStart()
    lane.passDueTime(claim, new Date(DUE))
    lane.endClaim(claim, 2)
    expect(ask(lane).low).toBeNull()
  })
})

describe('what a lane asks for', () => {
  test.each([
    { what: 'its free slots', lane: () => openLane().lane, asked: { slots: 2, atOnce: 2 } },
    { what: 'all its slots once it is wide', lane: () => wideLane(200), asked: { slots: 20, atOnce: 20 } },
    {
      what: 'three more for each slot if its receiver is quick and all slots will be full',
      lane: () => wideLane(5),
      asked: { slots: 80, atOnce: 20 },
    },
    {
      what: 'nothing ahead for test events',
      lane: () => wideLane(5, { test: true }),
      asked: { slots: 20, atOnce: 20 },
    },
    {
      what: 'fewer at once beside neighbours',
      lane: () => wideLane(5, { hasNeighbours: true }),
      asked: { slots: 70, atOnce: 10 },
    },
  ])('a lane asks a claim for $what', ({ lane, asked }) => {
    const opened = lane()
    opened.wake()
    expect(ask(opened)).toMatchObject(asked)
  })

  test.each([
    { why: 'all slots are in use and the receiver is slow', busy: (lane: Lane) => take(lane, 20), latencyMs: 200 },
    {
      why: 'all slots are in use and more than half of the places ahead are filled',
      busy(lane: Lane) {
        take(lane, 20)
        keepAhead(lane, 31)
      },
      latencyMs: 5,
    },
  ])('a lane asks for nothing while $why, and stays runnable', ({ busy, latencyMs }) => {
    const lane = wideLane(latencyMs)
    busy(lane)
    lane.wake()
    expect(lane.ask(PLENTY)).toBeNull()
    expect(lane.state.kind).toBe('runnable')
  })

  test('a lane asks for no more than the slots of the process and the rows of the claim allow', () => {
    const lane = wideLane(200)
    lane.wake()
    expect(lane.ask({ freeSlots: -3, rows: 100 })).toBeNull()
    expect(lane.ask({ freeSlots: 7, rows: 5 })).toMatchObject({ slots: 5, atOnce: 5 })
  })

  test('a claim leaves the places that a slow lane offered to publishes', () => {
    const lane = wideLane(200)
    lane.countOffered(4)
    lane.wake()
    expect(ask(lane)).toMatchObject({ slots: 16, atOnce: 16 })
  })
})

describe('the places that a lane offers to a publish', () => {
  test.each([
    { when: 'it is new', lane: () => openLane().lane, places: 1 },
    { when: 'it is wide and slow', lane: () => wideLane(200), places: 10 },
    { when: 'it is wide and quick', lane: () => wideLane(5), places: 25 },
  ])('a lane offers half of its places: $places when $when', ({ lane, places }) => {
    expect(lane().placesToOffer()).toBe(places)
  })

  test.each([
    {
      when: 'its last claim was filled',
      make(lane: Lane) {
        lane.wake()
        lane.endClaim(ask(lane), 20)
      },
    },
    { when: 'it is closed', make: (lane: Lane) => lane.closeFor(1_000, 'secret_unreadable') },
    {
      when: 'a claim is in the air and the receiver is slow',
      make(lane: Lane) {
        lane.wake()
        ask(lane)
      },
    },
    { when: 'all its slots are in use', make: (lane: Lane) => take(lane, 20) },
    { when: 'all of them are promised', make: (lane: Lane) => lane.countOffered(20) },
  ])('a lane offers no places when $when', ({ make }) => {
    const lane = wideLane(200)
    make(lane)
    expect(lane.placesToOffer()).toBe(0)
  })
})

describe('a delivery goes out now', () => {
  test('a claimed delivery goes out if its claim may send it at once, and the lane was not filled before', () => {
    const lane = wideLane(200)
    lane.wake()
    const claim = ask(lane)
    expect([1, 20, 21].map((nth) => lane.maySendClaimed(claim, nth))).toEqual([true, true, false])
    take(lane, 20)
    expect(lane.maySendClaimed(claim, 1)).toBe(false)
  })

  test('a handed-over delivery goes out if the lane has at most two attempts above its slots', () => {
    const lane = openLane().lane
    take(lane, 3)
    expect(lane.maySendHandedOver()).toBe(true)
    take(lane, 1)
    expect(lane.maySendHandedOver()).toBe(false)
    const wide = wideLane(200)
    take(wide, 20)
    expect(wide.maySendHandedOver(), 'never more than the endpoint allows').toBe(false)
  })

  test('a delivery that was claimed ahead goes out when a slot is free', () => {
    const lane = openLane().lane
    expect(lane.maySendAhead()).toBe(false)
    keepAhead(lane, 1)
    expect(lane.maySendAhead()).toBe(true)
    take(lane, 2)
    expect(lane.maySendAhead()).toBe(false)
  })

  test.each([
    { why: 'a reply that takes more than a second', learn: answered(1_001), kept: 0 },
    { why: 'a failure', learn: { errorCode: 'connection_reset', latencyMs: 5 } as const, kept: 0 },
    { why: 'no single reply that is not quick', learn: answered(900), kept: 3 },
  ])('$why lets a lane give back what it claimed ahead', ({ learn, kept }) => {
    const lane = wideLane(5)
    const delivery = { tenantId: 'tn' } as ClaimedDelivery
    for (let i = 0; i < 3; i++) lane.keepAhead({ delivery } as Parameters<Lane['keepAhead']>[0])
    take(lane, 20)
    const givenBack: ClaimedDelivery[] = []
    const departures = createDepartures({
      giveBack: (each: ClaimedDelivery) => void givenBack.push(each),
      isClosed: () => false,
    } as unknown as DeparturesOptions)
    lane.learn(learn)
    departures.fillSlots(lane)
    expect(givenBack).toHaveLength(3 - kept)
    expect(lane.takeAllAhead()).toHaveLength(kept)
  })
})

describe('the record of a result', () => {
  const inLine = { inLine: true, crashCount: 0 }
  const plain = { inLine: false, crashCount: 0 }

  test('is awaited by the next one of its line only while the lane has nothing else to send', () => {
    const { lane } = openLane()
    expect([lane.awaitsRecord(inLine), lane.awaitsRecord(plain)]).toEqual([true, false])
    keepAhead(lane, 1)
    expect(lane.awaitsRecord(inLine)).toBe(false)
  })

  test('is awaited behind a limit, which counts leases, and after the death of a process', () => {
    const { lane } = openLane()
    expect(lane.awaitsRecord({ ...plain, crashCount: 1 })).toBe(true)
    lane.meetGate()
    expect(lane.awaitsRecord(plain)).toBe(true)
  })
})

test.each([
  { has: 'an attempt in the air', busy: (lane: Lane) => lane.takeSlot(), free: (lane: Lane) => lane.freeSlot() },
  { has: 'a promised place', busy: (lane: Lane) => lane.countOffered(1), free: (lane: Lane) => lane.countOffered(-1) },
  {
    has: 'a result to record',
    busy: (lane: Lane) => lane.countUnsettled(1),
    free: (lane: Lane) => lane.countUnsettled(-1),
  },
  { has: 'a delivery ahead', busy: (lane: Lane) => keepAhead(lane, 1), free: (lane: Lane) => lane.takeAllAhead() },
])('a lane with $has is in use until that is over', ({ busy, free }) => {
  const { lane } = openLane()
  busy(lane)
  expect(lane.isUnused).toBe(false)
  free(lane)
  expect(lane.isUnused).toBe(true)
})
