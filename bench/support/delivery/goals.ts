/** What is to be reached, and whether it was. */
import { median } from '../measure.ts'
import { BARE, MEMORY, POSTGRES, SQLITE } from './contender.ts'

/** One round of one contender. */
export interface Figures {
  /** µs a delivery in the sending process. */
  readonly cpu: number
  /** µs a delivery in the servers' processes; `undefined` where it can't be read. */
  readonly serverCpu: number | undefined
  readonly rate: number
}

export type Results = ReadonlyMap<string, readonly Figures[]>

interface Goal {
  readonly of: string
  readonly to: string
  readonly atLeast?: number
  /** Of CPU; the others are of deliveries a second. */
  readonly atMost?: number
}

const ahead = (to: string, atLeast: number): Goal => ({ of: POSTGRES, to, atLeast })

const GOALS: readonly Goal[] = [
  { of: MEMORY, to: BARE, atMost: 1.15 },
  { of: SQLITE, to: MEMORY, atLeast: 0.7 },
  { of: POSTGRES, to: MEMORY, atLeast: 0.4 },
  ahead('BullMQ + undici', 1.5),
  ahead('pg-boss 10 + undici', 2),
  ahead('pg-boss 12 burst + undici', 1.2),
  ahead('graphile-worker + undici', 1.2),
  ahead('BullMQ + fetch', 3.5),
  ahead('BullMQ + axios', 3.5),
  ahead('pg-boss 10 + fetch', 3.5),
  ahead('pg-boss 12 burst + fetch', 2.5),
]

/** The median of the ratios of each round. */
export function ratio(
  of: readonly Figures[] | undefined,
  to: readonly Figures[] | undefined,
  figure: (figures: Figures) => number,
): number {
  if (of === undefined || to === undefined) return Number.NaN
  return median(of.flatMap((figures, round) => (to[round] ? [figure(figures) / figure(to[round])] : [])))
}

export const rateOf = ({ rate }: Figures): number => rate
export const cpuOf = ({ cpu }: Figures): number => cpu
const allCpuOf = ({ cpu, serverCpu }: Figures): number => cpu + (serverCpu ?? Number.NaN)

/** Rows for a table; goals whose contenders were left out are not in it. */
export function judge(results: Results): readonly (readonly string[])[] {
  const rows = GOALS.flatMap(({ of, to, atLeast, atMost }) => {
    const [a, b] = [results.get(of), results.get(to)]
    if (a === undefined || b === undefined) return []
    const value = ratio(a, b, atMost === undefined ? rateOf : cpuOf)
    const isReached = atMost === undefined ? value >= (atLeast ?? 0) : value <= atMost
    const goal = atMost === undefined ? `≥ ${atLeast}` : `≤ ${atMost}`
    const what = atMost === undefined ? 'a second' : 'CPU'
    const cpu = [ratio(b, a, cpuOf), ratio(b, a, allCpuOf)].map((times) => times.toFixed(2))
    return [[`${of} ÷ ${to}`, what, value.toFixed(2), goal, isReached ? 'reached' : 'missed', ...cpu]]
  })
  return [['goal', 'of', 'is', 'goal', '', 'CPU saved ×', 'with servers ×'], ...rows]
}
