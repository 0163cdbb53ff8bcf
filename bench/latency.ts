/**
 * How long an event takes from `dispatch` to the receiver while nothing else is going on: one event at a time, a few
 * milliseconds after the end of the one before. Beside it what queues take with the same request in their handler, all
 * within one run, round by round. Needs PostgreSQL and Redis for those that stand on them.
 *
 *   node bench/latency.ts [--count 100] [--rounds 5] [--only 'signalbox Postgres']
 */
import { randomUUID } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { openPostgres, openRedis } from './support/delivery/services.ts'
import { type Contender, GRAPHILE, PG_BOSS, POSTGRES, SPECS, type Spec } from './support/latency-contenders.ts'
import { median, quantile, table } from './support/measure.ts'
import { missingPeers, peerVersion } from './support/peers.ts'
import { preciseNow, startReceiver } from './support/receiver.ts'

const { values } = parseArgs({
  options: {
    count: { type: 'string', default: '100' },
    rounds: { type: 'string', default: '5' },
    only: { type: 'string' },
  },
})
const COUNT = Number(values.count)
const ROUNDS = Number(values.rounds)
/** Of one that polls: each takes a second or two. */
const POLLED = 2
const WARM_UP = 50
const MAX_P50_MS = 2
const MAX_WAIT_MS = 30_000
/** Between the end of one and the next. */
const REST_MS = [4, 10] as const

const postgresUrl = process.env.SIGNALBOX_TEST_POSTGRES_URL ?? 'postgres://postgres@127.0.0.1:5432/test'
const redisUrl = process.env.SIGNALBOX_TEST_REDIS_URL ?? 'redis://127.0.0.1:6379'

const services = { postgres: await openPostgres(postgresUrl), redis: await openRedis(redisUrl) }
for (const [name, service] of Object.entries(services)) if (!service) console.log(`skipped: no ${name} answers`)
const missing: string[] = []
const specs: Spec[] = []
for (const spec of SPECS) {
  if (values.only !== undefined && spec.name !== values.only) continue
  if (spec.needs.some((name) => !services[name])) continue
  if (spec.peer === undefined || (await peerVersion(spec.peer)) !== undefined) specs.push(spec)
  else missing.push(spec.peer)
}
if (missing.length > 0) console.log(missingPeers([...new Set(missing)]))

const receiver = await startReceiver()

interface Entry {
  readonly spec: Spec
  readonly name: string
  readonly contender: Contender
  readonly p50: number[]
  readonly p99: number[]
  readonly accepted: number[]
  ended: () => void
}

async function open(spec: Spec): Promise<Entry> {
  let entry: Entry | undefined
  const name = `signalbox_latency_${randomUUID().slice(0, 8)}`
  const place = {
    origin: receiver.origin,
    name,
    onDone: () => entry?.ended(),
    postgresUrl,
    redisUrl,
  }
  const contender = await spec.open(place)
  entry = { spec, name, contender, p50: [], p99: [], accepted: [], ended() {} }
  return entry
}

/** Answers how long each took to arrive, and to be accepted, in ms. */
async function oneByOne(entry: Entry, count: number) {
  const accepted: number[] = []
  for (let n = 0; n < count; n++) {
    const done = new Promise<void>((resolve, reject) => {
      const late = new Error(`${entry.spec.name}: an event did not arrive in ${MAX_WAIT_MS} ms`)
      const timer = setTimeout(reject, MAX_WAIT_MS, late)
      entry.ended = () => {
        clearTimeout(timer)
        resolve()
      }
    })
    const sentAt = preciseNow()
    await entry.contender.send(sentAt)
    accepted.push(preciseNow() - sentAt)
    await done
    await pause(REST_MS[0] + Math.random() * (REST_MS[1] - REST_MS[0]))
  }
  return { accepted, arrived: await receiver.latencies() }
}

const entries: Entry[] = []
for (const spec of specs) entries.push(await open(spec))
for (const entry of entries) await oneByOne(entry, entry.spec.polls ? 1 : WARM_UP)
for (let round = 0; round < ROUNDS; round++) {
  for (const entry of entries) {
    const count = entry.spec.polls ? POLLED : COUNT
    const { accepted, arrived } = await oneByOne(entry, count)
    if (arrived.length !== count) throw new Error(`${entry.spec.name}: ${arrived.length} of ${count} arrived`)
    entry.p50.push(quantile(arrived, 0.5))
    entry.p99.push(quantile(arrived, 0.99))
    entry.accepted.push(quantile(accepted, 0.5))
  }
}
for (const { contender, name } of entries) {
  await contender.close()
  for (const service of Object.values(services)) await service?.drop(name)
}
for (const service of Object.values(services)) await service?.close()
receiver.close()

const own = entries.find(({ spec }) => spec.name === POSTGRES)
console.log(`${COUNT} events one at a time, medians of ${ROUNDS} rounds\n`)
console.log(
  table([
    ['dispatch to arrival, ms', 'p50', 'p99', `p50 × ${POSTGRES}`, 'accepted, p50'],
    ...entries.map(({ spec, p50, p99, accepted }) => [
      spec.name,
      median(p50).toFixed(2),
      spec.polls ? '' : median(p99).toFixed(2),
      own === undefined ? '' : median(p50.map((value, n) => value / (own.p50[n] ?? Number.NaN))).toFixed(2),
      median(accepted).toFixed(2),
    ]),
  ]),
)
if (own !== undefined) {
  const p50 = median(own.p50)
  const verdict = (what: string, reached: boolean): void => console.log(`${reached ? 'reached' : 'MISSED '}  ${what}`)
  console.log()
  verdict(`${POSTGRES}, p50 ≤ ${MAX_P50_MS} ms: ${p50.toFixed(2)}`, p50 <= MAX_P50_MS)
  for (const name of [GRAPHILE, PG_BOSS]) {
    const peer = entries.find(({ spec }) => spec.name === name)
    if (peer === undefined) continue
    const times = median(own.p50.map((value, n) => value / (peer.p50[n] ?? Number.NaN)))
    verdict(`below ${name}: ${times.toFixed(2)} × its`, times < 1)
  }
}
