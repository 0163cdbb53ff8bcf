import { describe, expect, it } from 'vitest'
import { check, type FinalDelivery, type History } from './check.ts'
import type { Entry, Mark } from './journal.ts'
import type { Receipt } from './receiver.ts'

const entries = (...lines: readonly [Mark, string][]): Entry[] => lines.map(([mark, text]) => ({ mark, text, at: 0 }))

const receipt: Receipt = {
  path: '/0',
  messageId: 'msg_a',
  eventId: 'a',
  bodyHash: 'hash',
  verified: true,
  taken: true,
  at: 1,
}
const delivery: FinalDelivery = {
  id: 'dlv_a',
  path: '/0',
  messageId: 'msg_a',
  eventId: 'a',
  status: 'delivered',
  attemptCount: 1,
  attempts: [{ number: 1, outcome: 'delivered' }],
}
const accepted: readonly [Mark, string][] = [
  ['dispatching', 'a'],
  ['accepted', 'a'],
]
const peacefully: readonly [Mark, string][] = [...accepted, ['claimed', 'dlv_a'], ['settled', 'dlv_a']]
const peaceful = entries(...peacefully)

function verdict({
  journal = peaceful,
  killed = false,
  ...rest
}: Partial<History & { journal: Entry[]; killed: boolean }>) {
  const processes = [{ name: 'p0', killed, journal }]
  return check({ paths: ['/0'], processes, receipts: [receipt], deliveries: [delivery], ...rest })
}

describe('a history in which every guarantee held', () => {
  it('has no problems', () => {
    expect(verdict({})).toMatchObject({ problems: [], dispatched: 1, accepted: 1, arrivals: 1, duplicated: 0 })
  })

  it('may hold a repetition of what a killed process had in flight', () => {
    const journal = entries(...accepted, ['claimed', 'dlv_a'])
    expect(verdict({ journal, killed: true, receipts: [receipt, receipt] })).toMatchObject({
      problems: [],
      duplicated: 1,
      inFlightAtKills: 1,
      recovered: { acknowledged: 1, inDoubt: 0 },
    })
  })

  it.each<[string, Entry[]]>([
    ['what a living process lost the lease of', entries(...peacefully, ['lost', 'dlv_a'])],
    ['what was cut off by a grace', entries(...accepted, ['claimed', 'dlv_a'], ['released', 'dlv_a'])],
    ['a result that was never written', entries(...accepted, ['claimed', 'dlv_a'], ['unwritten', 'dlv_a'])],
  ])('may hold a repetition of %s', (_name, journal) => {
    expect(verdict({ journal, receipts: [receipt, receipt] })).toMatchObject({ problems: [], duplicated: 1 })
  })

  it('may hold a repetition of an attempt that ended at its deadline', () => {
    const attempts = [
      { number: 1, outcome: 'retry', code: 'timeout' },
      { number: 2, outcome: 'delivered' },
    ] as const
    const deliveries = [{ ...delivery, attemptCount: 2, attempts }]
    expect(verdict({ receipts: [receipt, receipt], deliveries })).toMatchObject({ problems: [], timedOut: 1 })
  })

  it('may hold an event in doubt, received or not', () => {
    const journal = entries(['dispatching', 'a'])
    expect(verdict({ journal, killed: true })).toMatchObject({
      problems: [],
      accepted: 0,
      doubtful: 1,
      recovered: { acknowledged: 0, inDoubt: 1 },
    })
    expect(verdict({ journal, killed: true, receipts: [], deliveries: [] })).toMatchObject({
      problems: [],
      doubtful: 1,
      recovered: { acknowledged: 0, inDoubt: 0 },
    })
  })

  it('may hold what a transaction of the host committed, though the process did not live to tell', () => {
    const journal = entries(['dispatching', 'a'], ['joining', 'a'])
    const told = { journal, killed: true, committed: ['a'] }
    expect(verdict(told)).toMatchObject({ problems: [], accepted: 1, doubtful: 0, joined: { committed: 1, never: 0 } })
  })

  it('may hold requests that were turned away', () => {
    const attempts = [
      { number: 1, outcome: 'retry' },
      { number: 2, outcome: 'delivered' },
    ] as const
    expect(
      verdict({
        receipts: [{ ...receipt, taken: false }, receipt],
        deliveries: [{ ...delivery, attemptCount: 2, attempts }],
      }),
    ).toMatchObject({ problems: [], duplicated: 0, turnedAway: 1 })
  })
})

describe('the checker finds', () => {
  it.each<[string, RegExp, Parameters<typeof verdict>[0]]>([
    ['an accepted event that never came', /^lost/, { receipts: [] }],
    ['one that only came where it was turned away', /^lost/, { receipts: [{ ...receipt, taken: false }] }],
    ['one that came to half of its destinations', /^lost: a at \/1/, { paths: ['/0', '/1'] }],
    ['an event that nobody dispatched', /^unexpected: b/, { receipts: [receipt, { ...receipt, eventId: 'b' }] }],
    [
      'an event whose transaction was never committed',
      /^unexpected: a/,
      { journal: entries(['dispatching', 'a'], ['joining', 'a']), killed: true },
    ],
    [
      'one whose transaction was committed, and that never came',
      /^lost: a/,
      { journal: entries(['dispatching', 'a'], ['joining', 'a']), killed: true, committed: ['a'], receipts: [] },
    ],
    ['a refused event that came', /^unexpected: a/, { journal: entries(['dispatching', 'a'], ['refused', 'a']) }],
    ['a repetition that no kill explains', /^duplicated 1 times/, { receipts: [receipt, receipt] }],
    [
      'a repetition of what could not be written at first, and then was',
      /^duplicated 1 times/,
      {
        journal: entries(...accepted, ['claimed', 'dlv_a'], ['unwritten', 'dlv_a'], ['settled', 'dlv_a']),
        receipts: [receipt, receipt],
      },
    ],
    [
      'a second repetition after one kill',
      /^duplicated 2 times, interrupted 1/,
      {
        journal: entries(...accepted, ['claimed', 'dlv_a']),
        killed: true,
        receipts: [receipt, receipt, receipt],
      },
    ],
    [
      'a repetition under another id',
      /several message ids/,
      { receipts: [receipt, { ...receipt, taken: false, messageId: 'msg_b' }] },
    ],
    [
      'a repetition with another body',
      /several bodies/,
      { receipts: [receipt, { ...receipt, taken: false, bodyHash: 'x' }] },
    ],
    ['a signature that does not verify', /signature/, { receipts: [{ ...receipt, verified: false }] }],
    [
      'a delivery that was not worked off',
      /not delivered but sending/,
      { deliveries: [{ ...delivery, status: 'sending' }] },
    ],
    [
      'a delivery without attempts',
      /do not end with/,
      { deliveries: [{ ...delivery, attemptCount: 0, attempts: [] }] },
    ],
    [
      'an attempt that was not recorded',
      /1 attempts recorded, 2 counted/,
      { deliveries: [{ ...delivery, attemptCount: 2 }] },
    ],
    ['a delivery that is not in the store', /^not in the store/, { deliveries: [] }],
    ['two deliveries for one arrival', /two deliveries/, { deliveries: [delivery, { ...delivery, id: 'dlv_b' }] }],
    ['an event accepted twice', /^accepted 2 times/, { journal: entries(...peacefully, ['accepted', 'a']) }],
  ])('%s', (_name, problem, planted) => {
    const { problems } = verdict(planted)
    expect(problems.length).toBeGreaterThan(0)
    expect(problems[0]).toMatch(problem)
  })
})
