import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Lane, type LaneRow, planLane, returnTokens } from '../../src/delivery/plan-lane.ts'

const NOW = 1_780_000_000_000

const lane = (fields: Partial<Lane> = {}): Lane => ({
  open: true,
  fifo: false,
  inFlight: 0,
  maxInFlight: 10,
  tokens: 0,
  tokensAt: 0,
  ...fields,
})
const rows = (...dueAt: number[]): LaneRow[] => dueAt.map((at, n) => ({ id: `dlv_${n}`, dueAt: NOW + at }))
const due = (count: number) => rows(...Array.from({ length: count }, () => 0))

describe('planLane', () => {
  it('takes due rows in order and says when the next one is due', () => {
    const plan = planLane(lane(), rows(-5, 0, 7), NOW, 10)
    expect(plan.take).toEqual(['dlv_0', 'dlv_1'])
    expect(plan.nextAt).toBe(NOW + 7)
  })

  it('asks to be called at once where the limit cut it short', () => {
    expect(planLane(lane(), due(4), NOW, 3)).toMatchObject({ take: ['dlv_0', 'dlv_1', 'dlv_2'], nextAt: NOW })
  })

  it('waits for nothing where no row is left, or a lease has to end first', () => {
    expect(planLane(lane(), [], NOW, 3)).toMatchObject({ take: [], nextAt: null })
    expect(planLane(lane(), due(2), NOW, 3).nextAt).toBeNull()
    expect(planLane(lane({ maxInFlight: 2 }), due(5), NOW, 9)).toMatchObject({ take: ['dlv_0', 'dlv_1'], nextAt: null })
    expect(planLane(lane({ maxInFlight: 2, inFlight: 2 }), due(5), NOW, 9)).toMatchObject({ take: [], nextAt: null })
    expect(planLane(lane({ maxInFlight: 2, inFlight: 3 }), due(5), NOW, 9)).toMatchObject({ take: [], nextAt: null })
  })

  it('takes nothing of a closed lane', () => {
    expect(planLane(lane({ open: false }), due(1), NOW, 1)).toMatchObject({ take: [], nextAt: null })
  })

  it('takes nothing before a block ends, and comes back then or when the first row is due', () => {
    const blocked = lane({ blockedUntil: NOW + 50 })
    expect(planLane(blocked, rows(0), NOW, 1)).toMatchObject({ take: [], nextAt: NOW + 50 })
    expect(planLane(blocked, rows(90), NOW, 1)).toMatchObject({ take: [], nextAt: NOW + 90 })
    expect(planLane(blocked, rows(0), NOW + 50, 1).take).toEqual(['dlv_0'])
  })

  it('takes one of a fifo lane, and none past a head that waits', () => {
    const fifo = lane({ fifo: true })
    expect(planLane(fifo, due(3), NOW, 9)).toMatchObject({ take: ['dlv_0'], nextAt: null })
    expect(planLane(fifo, rows(30, 0, 0), NOW, 9)).toMatchObject({ take: [], nextAt: NOW + 30 })
    expect(planLane({ ...fifo, inFlight: 1 }, due(3), NOW, 9)).toMatchObject({ take: [], nextAt: null })
  })

  it('takes one at a time of a connection that keeps failing', () => {
    expect(planLane(lane({ failures: 4 }), due(3), NOW, 9).take).toHaveLength(3)
    const failing = lane({ failures: 5 })
    expect(planLane(failing, due(3), NOW, 9)).toMatchObject({ take: ['dlv_0'], nextAt: null })
    expect(planLane({ ...failing, inFlight: 1 }, due(3), NOW, 9)).toMatchObject({ take: [], nextAt: null })
    expect(planLane({ ...failing, inFlight: 7 }, due(3), NOW, 9)).toMatchObject({ take: [], nextAt: null })
  })

  it('spends the burst, then a token at a time', () => {
    const paced = lane({ pace: { perSecond: 4, burst: 2 }, tokens: 2, tokensAt: NOW })
    const first = planLane(paced, due(5), NOW, 9)
    expect(first).toMatchObject({ take: ['dlv_0', 'dlv_1'], tokens: 0, tokensAt: NOW, nextAt: NOW + 250 })
    const spent = { ...paced, tokens: first.tokens, tokensAt: first.tokensAt }
    expect(planLane(spent, due(5), NOW + 249, 9)).toMatchObject({ take: [], nextAt: NOW + 250 })
    expect(planLane(spent, due(5), NOW + 250, 9)).toMatchObject({ take: ['dlv_0'], nextAt: NOW + 500 })
    expect(planLane(spent, due(5), NOW + 3_600_000, 9).take).toHaveLength(2)
  })

  it('waits for the token and the next row, whichever is later', () => {
    const paced = lane({ pace: { perSecond: 10, burst: 1 }, tokens: 1, tokensAt: NOW })
    expect(planLane(paced, rows(0, 30), NOW, 9).nextAt).toBe(NOW + 100)
    expect(planLane(paced, rows(0, 400), NOW, 9).nextAt).toBe(NOW + 400)
  })

  it('mints nothing while the wall clock is behind where the lane was', () => {
    const paced = lane({ pace: { perSecond: 1, burst: 5 }, tokens: 0, tokensAt: NOW })
    const plan = planLane(
      paced,
      due(3).map((row) => ({ ...row, dueAt: NOW - 1e6 })),
      NOW - 60_000,
      9,
    )
    expect(plan).toMatchObject({ take: [], tokens: 0, tokensAt: NOW, nextAt: NOW + 1000 })
  })

  it('never gets stuck on a token that rounding left a hair short', () => {
    const pace = { perSecond: 3, burst: 1 }
    let state = { tokens: 1, tokensAt: NOW }
    let now = NOW
    for (let taken = 0; taken < 300; ) {
      const plan = planLane(
        lane({ pace, ...state }),
        due(2).map((row) => ({ ...row, dueAt: NOW })),
        now,
        1,
      )
      taken += plan.take.length
      state = plan
      expect(plan.nextAt).not.toBeNull()
      now = Math.max(now, plan.nextAt ?? now)
      // 3 a second, and each wait is rounded up to a whole millisecond at most
      expect(now - NOW).toBeLessThanOrEqual((taken + 1) * 334)
    }
  })
})

describe('returnTokens', () => {
  it('gives back what was not used, up to the burst', () => {
    expect(returnTokens({ perSecond: 1, burst: 3 }, 0.5, 2)).toBe(2.5)
    expect(returnTokens({ perSecond: 1, burst: 3 }, 2, 9)).toBe(3)
    expect(returnTokens(undefined, 0, 9)).toBe(0)
  })
})

// ---------------------------------------------------------------------------------------------- properties

const arbitraryPace = fc.record({
  perSecond: fc.double({ min: 0.01, max: 200, noNaN: true }),
  burst: fc.integer({ min: 1, max: 20 }),
})
const arbitraryCase = fc
  .record({
    open: fc.boolean(),
    fifo: fc.boolean(),
    inFlight: fc.integer({ min: 0, max: 6 }),
    maxInFlight: fc.integer({ min: 1, max: 8 }),
    blockedUntil: fc.option(
      fc.integer({ min: -5000, max: 5000 }).map((ms) => NOW + ms),
      { nil: undefined },
    ),
    pace: fc.option(arbitraryPace, { nil: undefined }),
    share: fc.double({ min: 0, max: 1, noNaN: true }),
    elapsed: fc.integer({ min: -5000, max: 5000 }),
    limit: fc.integer({ min: 1, max: 12 }),
    due: fc.array(fc.integer({ min: -4000, max: 4000 }), { maxLength: 14 }),
  })
  .map(({ blockedUntil, pace, share, elapsed, limit, due: instants, ...rest }) => ({
    lane: lane({
      ...rest,
      ...(blockedUntil === undefined ? {} : { blockedUntil }),
      ...(pace === undefined ? {} : { pace }),
      tokens: (pace?.burst ?? 0) * share,
      tokensAt: NOW - elapsed,
    }),
    limit,
    // due time order, or, in a fifo lane, the order they came in
    rows: rows(...(rest.fifo ? instants : instants.toSorted((a, b) => a - b))),
  }))

const property = (check: (one: { lane: Lane; limit: number; rows: LaneRow[] }) => void) =>
  fc.assert(fc.property(arbitraryCase, check), { numRuns: 500 })

describe('planLane, whatever the lane', () => {
  it('never takes more than the limit, the cap or the tokens, and only the first rows', () => {
    property(({ lane: state, limit, rows: all }) => {
      const { take, tokens } = planLane(state, all, NOW, limit)
      expect(take).toEqual(all.slice(0, take.length).map((row) => row.id))
      expect(take.length).toBeLessThanOrEqual(limit)
      if (take.length > 0) {
        expect(take.length + state.inFlight).toBeLessThanOrEqual(state.fifo ? 1 : state.maxInFlight)
        expect(state.open).toBe(true)
        expect(state.blockedUntil ?? 0).toBeLessThanOrEqual(NOW)
      }
      if (state.pace !== undefined) {
        const elapsed = Math.max(0, NOW - state.tokensAt) / 1000
        const most = Math.min(state.pace.burst, state.tokens + elapsed * state.pace.perSecond)
        expect(take.length).toBeLessThanOrEqual(most + 1e-5)
        expect(tokens).toBeGreaterThanOrEqual(-1e-5)
        expect(tokens).toBeLessThanOrEqual(state.pace.burst)
      }
    })
  })

  it('never takes a row before its time, nor anything past a row that waits', () => {
    property(({ lane: state, limit, rows: all }) => {
      const { take } = planLane(state, all, NOW, limit)
      for (const row of all.slice(0, take.length)) expect(row.dueAt).toBeLessThanOrEqual(NOW)
    })
  })

  it('takes as much as it may: what it leaves is held up by something', () => {
    property(({ lane: state, limit, rows: all }) => {
      const { take, tokens } = planLane(state, all, NOW, limit)
      const following = all[take.length]
      if (following === undefined || !state.open || (state.blockedUntil ?? 0) > NOW) return
      const full = state.inFlight + take.length >= (state.fifo ? 1 : state.maxInFlight)
      const poor = state.pace !== undefined && tokens < 1
      expect(take.length === limit || full || poor || following.dueAt > NOW).toBe(true)
    })
  })

  it('leads on: coming back when it says takes something within a few visits, and never without moving on', () => {
    property(({ lane: state, limit, rows: all }) => {
      let plan = planLane(state, all, NOW, limit)
      let now = NOW
      const held = () => ({ ...state, inFlight: state.inFlight + taken, tokens: plan.tokens, tokensAt: plan.tokensAt })
      const taken = plan.take.length
      expect(plan.nextAt === null || plan.nextAt > NOW || taken > 0).toBe(true)
      // a block may end, then the row be due, then a token be there
      for (let visits = 0; plan.nextAt !== null; visits++) {
        expect(visits).toBeLessThan(4)
        now = Math.max(now, plan.nextAt)
        plan = planLane(held(), all.slice(taken), now, limit)
        if (plan.take.length > 0) return
        expect(plan.nextAt === null || plan.nextAt > now).toBe(true)
      }
      // nothing to come back for: only a lease that ends could help
      const { inFlight, fifo, maxInFlight } = held()
      expect(all.length === taken || !state.open || inFlight >= (fifo ? 1 : maxInFlight)).toBe(true)
    })
  })

  it('is not late: just before the instant that it names there is nothing to take', () => {
    property(({ lane: state, limit, rows: all }) => {
      const plan = planLane(state, all, NOW, limit)
      if (plan.nextAt === null || plan.nextAt <= NOW + 1) return
      const { tokens, tokensAt } = plan
      const later = { ...state, inFlight: state.inFlight + plan.take.length, tokens, tokensAt }
      // to the millisecond that rounding may cost
      expect(planLane(later, all.slice(plan.take.length), plan.nextAt - 2, limit).take).toEqual([])
    })
  })

  it('says null only where time alone changes nothing', () => {
    property(({ lane: state, limit, rows: all }) => {
      const plan = planLane(state, all, NOW, limit)
      if (plan.nextAt !== null) return
      const later = {
        ...state,
        inFlight: state.inFlight + plan.take.length,
        tokens: plan.tokens,
        tokensAt: plan.tokensAt,
      }
      expect(planLane(later, all.slice(plan.take.length), NOW + 1e9, limit).take).toEqual([])
    })
  })

  it('never lets its clock run back, and a clock that steps back mints no tokens', () => {
    property(({ lane: state, limit, rows: all }) => {
      const plan = planLane(state, all, NOW, limit)
      expect(plan.tokensAt).toBe(Math.max(NOW, state.tokensAt))
      const after = { ...state, tokens: plan.tokens, tokensAt: plan.tokensAt }
      const back = planLane(after, [], NOW - 10_000, limit)
      expect([back.tokens, back.tokensAt]).toEqual([plan.tokens, plan.tokensAt])
      const again = planLane({ ...after, tokens: back.tokens, tokensAt: back.tokensAt }, [], NOW, limit)
      expect(again.tokens).toBe(plan.tokens)
    })
  })

  it('hands out no more than the burst and the rate allow, however often it is asked', () => {
    const steps = fc.array(fc.integer({ min: -300, max: 900 }), { minLength: 5, maxLength: 60 })
    fc.assert(
      fc.property(arbitraryPace, steps, (pace, waits) => {
        let state = { tokens: pace.burst, tokensAt: NOW }
        let now = NOW
        let latest = NOW
        let taken = 0
        for (const wait of waits) {
          now += wait
          latest = Math.max(latest, now)
          const plan = planLane(
            lane({ pace, maxInFlight: 1000, ...state }),
            due(40).map((row) => ({ ...row, dueAt: 0 })),
            now,
            30,
          )
          taken += plan.take.length
          state = plan
          expect(taken).toBeLessThanOrEqual(pace.burst + ((latest - NOW) / 1000) * pace.perSecond + 1e-3)
        }
      }),
      { numRuns: 200 },
    )
  })
})
