/**
 * dispatch → delivered: the dispatcher over its stores and engines, beside the bare loop, and beside what a host would
 * write with a queue and an HTTP client. Each in a process of its own; rounds in turn; medians. Of Postgres and Redis,
 * at SIGNALBOX_TEST_POSTGRES_URL and SIGNALBOX_TEST_REDIS_URL, everything that was made is dropped at the end; their CPU
 * is that of the whole server, so nobody else should use it meanwhile.
 *
 *   npm install --prefix bench
 *   node bench/delivery.ts [--seconds 2.5] [--rounds 3] [--connections 1] [--only 'postgres 256,graphile']
 */
import { randomUUID } from 'node:crypto'
import { parseArgs } from 'node:util'
import { MEMORY, POSTGRES, type Service, SPECS, type Spec } from './support/delivery/contender.ts'
import { cpuOf, type Figures, judge, rateOf, ratio } from './support/delivery/goals.ts'
import { type ContenderProcess, startContender } from './support/delivery/process.ts'
import { openPostgres, openRedis, type ServiceHandle } from './support/delivery/services.ts'
import { median, table } from './support/measure.ts'
import { missingPeers, peerVersion } from './support/peers.ts'
import { startReceiver } from './support/receiver.ts'

const { values } = parseArgs({
  options: {
    /** That a round takes, about. */
    seconds: { type: 'string', default: '2.5' },
    rounds: { type: 'string', default: '3' },
    /** The dispatcher's, each of an organisation: events go to them in turn. */
    connections: { type: 'string', default: '1' },
    /** Parts of contenders' names. */
    only: { type: 'string' },
  },
})
const seconds = Number(values.seconds)
const rounds = Number(values.rounds)
const orgs = Number(values.connections)
const postgresUrl = process.env.SIGNALBOX_TEST_POSTGRES_URL ?? 'postgres://postgres@127.0.0.1:5432/test'
const redisUrl = process.env.SIGNALBOX_TEST_REDIS_URL ?? 'redis://127.0.0.1:6379'

/** Deliveries of the first round, which tells how many the others take. */
const FIRST = 1000
/** In rounds: engines go on optimising for tens of thousands of deliveries. */
const WARM_UP = 3

const services = new Map<Service, ServiceHandle>()
const postgres = await openPostgres(postgresUrl)
const redis = await openRedis(redisUrl)
if (postgres !== undefined) services.set('postgres', postgres)
if (redis !== undefined) services.set('redis', redis)
const receiver = await startReceiver()

interface Row {
  readonly spec: Spec
  readonly namespace: string
  readonly handles: readonly ServiceHandle[]
  readonly contender: ContenderProcess
  readonly figures: Figures[]
  /** Deliveries of the next round. */
  count: number
}

const missing = new Set<string>()
const run = `signalbox_bench_${randomUUID().slice(0, 8)}`
const rows: Row[] = []
for (const [index, spec] of SPECS.entries()) {
  if (await isLeftOut(spec)) continue
  const namespace = `${run}_${index}`
  const handles = spec.services.flatMap((service) => services.get(service) ?? [])
  const contender = startContender({ spec, orgs, origin: receiver.origin, namespace, postgresUrl, redisUrl })
  rows.push({ spec, namespace, handles, contender, figures: [], count: FIRST })
}
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, () => {
    for (const { contender } of rows) contender.end()
  })
}
try {
  for (let round = -WARM_UP; round < rounds; round++) {
    for (const row of rows) {
      const figures = await deliver(row)
      if (round >= 0) row.figures.push(figures)
      else row.count = Math.max(FIRST, Math.round(figures.rate * seconds))
    }
  }
} finally {
  for (const { contender, handles, namespace } of rows) {
    contender.end()
    for (const handle of handles) await handle.drop(namespace)
  }
  for (const handle of services.values()) await handle.close()
  receiver.close()
}
print()

async function isLeftOut({ name, family, client, services: needed }: Spec): Promise<boolean> {
  const only = values.only?.toLowerCase().split(',')
  if (only !== undefined && !only.some((part) => name.toLowerCase().includes(part))) return true
  const lacking = needed.find((service) => !services.has(service))
  if (lacking !== undefined) console.log(`Left out: ${name}, as no server answers (${lacking})`)
  const packages: string[] = family === 'bare' || family === 'signalbox' ? [] : [family]
  if (client === 'axios') packages.push(client)
  const absent: string[] = []
  for (const peer of packages) if ((await peerVersion(peer)) === undefined) absent.push(peer)
  for (const peer of absent) missing.add(peer)
  return lacking !== undefined || absent.length > 0
}

/** One round. @throws unless each event came once, and signed. */
async function deliver({ spec, namespace, handles, contender, count }: Row): Promise<Figures> {
  await contender.open()
  await receiver.counts()
  const before = await serverCpu(handles)
  const { cpu, rate } = await contender.run(count)
  const after = await serverCpu(handles)
  await contender.close()
  const counts = await receiver.counts()
  if (Object.values(counts).some((value) => value !== count)) {
    throw new Error(`${spec.name}: of ${count} events, the receiver had ${JSON.stringify(counts)}`)
  }
  for (const handle of handles) await handle.tidy(namespace)
  const took = before === undefined || after === undefined ? undefined : (after - before) / count
  return { cpu, rate, serverCpu: took }
}

async function serverCpu(handles: readonly ServiceHandle[]): Promise<number | undefined> {
  let sum = 0
  for (const handle of handles) {
    const cpu = await handle.cpu()
    if (cpu === undefined) return undefined
    sum += cpu
  }
  return sum
}

function print(): void {
  const results = new Map(rows.map(({ spec, figures }) => [spec.name, figures]))
  const of = (figures: readonly Figures[], figure: (one: Figures) => number): number => median(figures.map(figure))
  const server = ({ serverCpu: cpu }: Figures): number => cpu ?? Number.NaN
  const show = (value: number, digits: number): string => (Number.isNaN(value) ? '' : value.toFixed(digits))
  console.log(
    `402 bytes to ${orgs} connections, medians of ${rounds} rounds of about ${seconds} s, after ${WARM_UP} to warm up\n`,
  )
  console.log(
    table([
      ['', 'µs CPU a delivery', 'in servers', 'deliveries/s', '× memory', 'Postgres ÷ it', 'its CPU ÷ Postgres'],
      ...rows.map(({ spec, figures }) => [
        spec.name,
        of(figures, cpuOf).toFixed(1),
        spec.services.length === 0 ? '' : show(of(figures, server), 1),
        of(figures, rateOf).toFixed(0),
        show(ratio(figures, results.get(MEMORY), rateOf), 2),
        show(ratio(results.get(POSTGRES), figures, rateOf), 2),
        show(ratio(figures, results.get(POSTGRES), cpuOf), 2),
      ]),
    ]),
  )
  const judged = judge(results)
  if (judged.length > 1) console.log(`\n${table(judged)}`)
  if (missing.size > 0) console.log(`\n${missingPeers([...missing])}`)
}
