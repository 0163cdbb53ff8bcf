/**
 * What endpoints that never answer cost the others: 100 connections, each of an organisation of its own, events for all
 * of them in turn at a fixed rate; latency from `dispatch` to the arrival at the receiver of those that do answer, in
 * rounds with and without dead ones among the 100, interleaved.
 *
 *   node bench/isolation.ts [--rounds 5] [--seconds 4] [--rate 400] [--dead 1] [--only memory]
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import type { Store } from '../src/contracts/store.ts'
import { createDispatcher } from '../src/dispatcher.ts'
import { memoryStore } from '../src/stores/memory.ts'
import { sqliteStore } from '../src/stores/sqlite.ts'
import { webhookTransport } from '../src/transports/webhook.ts'
import { median, quantile, table } from './support/measure.ts'
import { preciseNow, startReceiver } from './support/receiver.ts'

const CONNECTIONS = 100
const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '4' },
    rate: { type: 'string', default: '400' },
    /** How many of the 100 never answer. */
    dead: { type: 'string', default: '1' },
    only: { type: 'string' },
  },
})
const rate = Number(values.rate)
const dead = Number(values.dead)
const folder = mkdtempSync(join(tmpdir(), 'signalbox-bench-'))
const receiver = await startReceiver()
/** Sockets are counted by origin: the dead ones are elsewhere, as they would be. */
const graveyard = await startReceiver()

function eventFor(connection: number) {
  return {
    orgId: `org_${connection}`,
    type: 'case_assigned',
    title: 'A case was assigned to you',
    body: 'x'.repeat(118),
    href: 'https://app.example.com/cases/1234567890',
    metadata: { sentAt: preciseNow() },
  }
}

/** Latencies, in ms, of what came to the endpoints that answer. */
async function round(store: Store, dying: number): Promise<readonly number[]> {
  const dispatcher = createDispatcher({
    store,
    transports: [webhookTransport()],
    egress: { allow: [{ cidr: '127.0.0.0/8', plainHttp: true }] },
    encryption: false,
  })
  for (let n = 0; n < CONNECTIONS; n++) {
    const url = n < dying ? `${graveyard.origin}/hang` : `${receiver.origin}/${n < dead ? 'untimed' : 'timed'}`
    await dispatcher.connections.create({ orgId: `org_${n}`, transport: 'webhook', config: { url } })
  }
  await dispatcher.start()
  // every place that a dead endpoint can hold is held from the start
  for (let n = 0; n < dying; n++) await dispatcher.dispatchMany(Array.from({ length: 16 }, () => eventFor(n)))
  await steadily(1, (n) => dispatcher.dispatch(eventFor(n % CONNECTIONS)))
  await receiver.latencies()
  await steadily(Number(values.seconds), (n) => dispatcher.dispatch(eventFor(n % CONNECTIONS)))
  await pause(200)
  const latencies = await receiver.latencies()
  await dispatcher.close({ graceMs: 0 })
  await store.close()
  return latencies
}

async function steadily(seconds: number, unit: (n: number) => Promise<unknown>): Promise<void> {
  const began = performance.now()
  const units: Promise<unknown>[] = []
  for (let n = 0; n < seconds * rate; n++) {
    const waitMs = began + (n * 1000) / rate - performance.now()
    if (waitMs > 0) await pause(waitMs)
    units.push(unit(n))
  }
  await Promise.all(units)
}

let files = 0
const stores: Record<string, () => Store> = {
  memory: () => memoryStore(),
  'sqlite (FULL)': () => sqliteStore({ path: join(folder, `${files++}.db`) }),
}
const rows = [['', 'arrived', 'p50 ms', 'p99 ms', 'p50 ×', 'p99 ×']]
for (const [name, open] of Object.entries(stores)) {
  if (values.only !== undefined && !name.startsWith(values.only)) continue
  const without: (readonly number[])[] = []
  const beside: (readonly number[])[] = []
  for (let n = -1; n < Number(values.rounds); n++) {
    const pair = [async () => without.push(await round(open(), 0)), async () => beside.push(await round(open(), dead))]
    for (const turn of n % 2 === 0 ? pair : pair.reverse()) await turn()
    if (n === -1) without.length = beside.length = 0
  }
  rows.push(row(`${name}, without`, without, without), row(`${name}, beside ${dead} dead`, beside, without))
}
receiver.close()
graveyard.close()
rmSync(folder, { recursive: true })

console.log(
  `${CONNECTIONS} connections, ${rate} events/s over all, ${values.rounds} rounds of ${values.seconds} s, medians of the rounds\n`,
)
console.log(table(rows))

function row(name: string, rounds: readonly (readonly number[])[], base: readonly (readonly number[])[]): string[] {
  const over = (share: number) => median(rounds.map((round) => quantile(round, share)))
  const ratio = (share: number) =>
    median(rounds.map((round, n) => quantile(round, share) / quantile(base[n] ?? [], share)))
  return [
    name,
    String(rounds.reduce((sum, round) => sum + round.length, 0)),
    over(0.5).toFixed(2),
    over(0.99).toFixed(2),
    ratio(0.5).toFixed(2),
    ratio(0.99).toFixed(2),
  ]
}
