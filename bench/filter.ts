/**
 * Who gets an event, out of many connections of one organisation: the compiled filter beside a scan of `matches`.
 * `matches` is the rule, so both must find the same connections, or the program fails.
 *
 *   node bench/filter.ts [--connections 100,10000,100000] [--rounds 5]
 */
import { parseArgs } from 'node:util'
import { catalogIndex, compileFilter } from '../src/catalog/index.ts'
import { matches } from '../src/catalog/subscriptions.ts'
import type { Importance } from '../src/contracts/event.ts'
import type { SubscribedConnection } from '../src/contracts/store.ts'
import { createSubscribers } from '../src/dispatch/subscribers.ts'
import { memoryStore } from '../src/stores/memory.ts'
import { mixedSubscription, spreadCatalog, TYPES } from './support/filter-connections.ts'
import { heapBytes } from './support/heap.ts'
import { median, table } from './support/measure.ts'

const { values } = parseArgs({
  options: {
    connections: { type: 'string', default: '100,10000,100000' },
    rounds: { type: 'string', default: '5' },
  },
})
const ROUNDS = Number(values.rounds)
const IMPORTANCES: readonly Importance[] = ['low', 'normal', 'high', 'urgent']
const MATCHES = 200_000
const MAX_MICROS = 15
const MIN_TIMES = 150
const index = catalogIndex(spreadCatalog)

/** Every type with every importance: the events that an organisation can have. */
const kinds = TYPES.flatMap((type) => IMPORTANCES.map((importance) => ({ type, importance })))

function connectionsOf(count: number): SubscribedConnection[] {
  return Array.from({ length: count }, (_, n) => ({
    id: `con_${String(n).padStart(26, '0')}`,
    orgId: 'org_1',
    transport: 'webhook',
    ...mixedSubscription(n),
  }))
}

/** µs CPU of one unit. */
function cpuOf(units: number, work: () => void): number {
  const before = process.cpuUsage()
  work()
  const { user, system } = process.cpuUsage(before)
  return (user + system) / units
}

type Kind = (typeof kinds)[number]
type Filter = ReturnType<typeof compileFilter>
/** What was found is used, so that no engine can leave the finding out. */
let seen = 0

function matchAll(filter: Filter, some: readonly Kind[], count: number): number {
  return cpuOf(count, () => {
    for (let n = 0; n < count; n++) {
      const kind = some[n % some.length]
      if (kind !== undefined) seen += filter.match(kind.type, undefined, kind.importance).length
    }
  })
}

function scan(connections: readonly SubscribedConnection[], some: readonly Kind[], count: number): number {
  return cpuOf(count, () => {
    for (let n = 0; n < count; n++) {
      const kind = some[n % some.length] ?? { type: '' }
      seen += connections.filter((connection) => matches(connection, kind, index)).length
    }
  })
}

function check(filter: Filter, connections: readonly SubscribedConnection[]): void {
  const step = connections.length > 20_000 ? 37 : 1
  for (const kind of kinds.filter((_, n) => n % step === 0)) {
    const wanted = connections.filter((connection) => matches(connection, kind, index)).map(({ id }) => id)
    const found = filter.match(kind.type, undefined, kind.importance).map(({ id }) => id)
    if (wanted.join() !== found.join()) throw new Error(`${kind.type}: found ${found.length}, not ${wanted.length}`)
  }
}

/** One connection changed: what the next event of its organisation costs, by the memory store. */
async function afterUpdate(connections: readonly SubscribedConnection[]): Promise<number> {
  const store = memoryStore()
  const at = Date.now()
  const filled = { label: 'a connection', config: {}, status: 'active', health: { consecutiveFailures: 0 } } as const
  for (const one of connections) {
    await store.connections.insert({ ...one, ...filled, createdAt: at, updatedAt: at, version: 1 })
  }
  const [first] = connections
  if (first === undefined) return 0
  const subscribers = createSubscribers(store, index)
  const costs: number[] = []
  for (let round = 0; round < ROUNDS + 1; round++) {
    await store.connections.update(first, { eventTypes: round % 2 === 0 ? ['rare_1'] : [] }, round + 1)
    const before = process.cpuUsage()
    const filter = await subscribers.filterOf('org_1')
    seen += filter.match('rare_1', undefined, 'low').length
    const { user, system } = process.cpuUsage(before)
    if (round > 0) costs.push((user + system) / 1000)
  }
  await store.close()
  return median(costs)
}

const rows = [
  ['connections', 'event', 'matched', 'µs CPU, kept', 'first of its kind', 'scan', '× scan', '× scan, first'],
]
const compiling = [['connections', 'compile ms', 'bytes a connection, all kinds kept', 'after an update ms']]
const verdicts: string[] = []
for (const count of values.connections.split(',').map(Number)) {
  const connections = connectionsOf(count)
  const whole = compileFilter(index, connections)
  const sizes = new Map(kinds.map((kind) => [kind, whole.match(kind.type, undefined, kind.importance).length]))
  const bySize = [...kinds].sort((a, b) => (sizes.get(a) ?? 0) - (sizes.get(b) ?? 0))
  const sets = { few: bySize.slice(0, 40), many: bySize.slice(-40), all: kinds }

  check(whole, connections)
  for (const [name, some] of Object.entries(sets)) {
    const kept: number[] = []
    const first: number[] = []
    const scanned: number[] = []
    for (let round = -1; round < ROUNDS; round++) {
      const filter = compileFilter(index, connections)
      const cold = matchAll(filter, some, some.length)
      const warm = matchAll(filter, some, MATCHES)
      const beside = scan(connections, some, Math.max(2, Math.min(2000, Math.floor(400_000 / count))))
      if (round < 0) continue
      kept.push(warm)
      first.push(cold)
      scanned.push(beside)
    }
    const times = median(scanned.map((value, n) => value / (kept[n] ?? Number.NaN)))
    const timesFirst = median(scanned.map((value, n) => value / (first[n] ?? Number.NaN)))
    rows.push([
      String(count),
      name,
      (some.reduce((sum, kind) => sum + (sizes.get(kind) ?? 0), 0) / some.length).toFixed(0),
      median(kept).toFixed(2),
      median(first).toFixed(1),
      median(scanned).toFixed(0),
      times.toFixed(0),
      timesFirst.toFixed(1),
    ])
    if (count !== 100_000) continue
    verdicts.push(goal(`${name}: ≤ ${MAX_MICROS} µs an event`, median(kept) <= MAX_MICROS, median(kept).toFixed(2)))
    if (name === 'few') verdicts.push(goal(`few: ≥ ${MIN_TIMES} × a scan`, times >= MIN_TIMES, times.toFixed(0)))
  }

  const compiled: number[] = []
  for (let round = -1; round < ROUNDS; round++) {
    const micros = cpuOf(1, () => void compileFilter(index, connections))
    if (round >= 0) compiled.push(micros / 1000)
  }
  const before = await heapBytes()
  const filter = compileFilter(index, connections)
  for (const { type, importance } of kinds) seen += filter.match(type, undefined, importance).length
  const full = (await heapBytes()) - before
  seen += filter.connections.length
  compiling.push([
    String(count),
    median(compiled).toFixed(2),
    (full / count).toFixed(0),
    (await afterUpdate(connections)).toFixed(1),
  ])
}

function goal(what: string, reached: boolean, figure: string): string {
  return `${reached ? 'reached' : 'MISSED '}  ${what}: ${figure}`
}

console.log(
  `${kinds.length} kinds of event (${TYPES.length} types × ${IMPORTANCES.length}), medians of ${ROUNDS} rounds\n`,
)
console.log(`${table(rows)}\n`)
console.log(`${table(compiling)}\n`)
console.log(verdicts.join('\n'))
if (seen === 0) throw new Error('nothing matched')
