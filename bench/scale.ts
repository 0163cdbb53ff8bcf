/**
 * What size costs, over the memory store and SQLite: digests of many members, many deliveries that wait, and what a
 * backlog of one dead connection is to another connection.
 *
 *   node bench/scale.ts [--only memory] [--part digest|memory|backlog] [--count 100000] [--rounds 5]
 */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import type { Message, Outcome, Store, Transport } from '../src/index.ts'
import { createDispatcher } from '../src/index.ts'
import { memoryStore } from '../src/stores/memory.ts'
import { sqliteStore } from '../src/stores/sqlite.ts'
import { fakeClock } from '../src/testing/index.ts'
import { webhookTransport } from '../src/transports/webhook.ts'
import { heapBytes } from './support/heap.ts'
import { median, quantile, table } from './support/measure.ts'
import { preciseNow, type Receiver, startReceiver } from './support/receiver.ts'

const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    part: { type: 'string' },
    count: { type: 'string', default: '100000' },
    rounds: { type: 'string', default: '5' },
    /** Of a process that this one starts: store, events, connections. */
    shape: { type: 'string' },
  },
})
const COUNT = Number(values.count)
const PORTION = 1000
const HOUR = 3_600_000
const MIB = 1024 * 1024
const folder = mkdtempSync(join(tmpdir(), 'signalbox-bench-'))
let files = 0
const fileOf = () => join(folder, `${files}.db`)
const stores: Record<string, () => Store> = {
  memory: () => memoryStore(),
  sqlite: () => {
    files++
    return sqliteStore({ path: fileOf() })
  },
}
const chosen = Object.entries(stores).filter(([name]) => values.only === undefined || values.only === name)

/** 402 bytes as `ghostFormat` sends it. */
function eventFor(orgId: string, metadata: object = {}) {
  return {
    orgId,
    type: 'case_assigned',
    title: 'A case was assigned to you',
    body: 'x'.repeat(142),
    href: 'https://app.example.com/cases/1234567890',
    orgName: 'Acme',
    metadata: { caseId: 'case_1234567890', priority: 3, labels: ['access', 'erasure'], ...metadata },
  }
}

// ---------------------------------------------------------------------------------------------- digests

async function digestOf(store: Store, members: number) {
  const clock = fakeClock()
  const sent: Message[] = []
  const dispatcher = createDispatcher({ store, clock, transports: [into(sent)], encryption: false })
  const digest = { window: { everyMs: HOUR }, maxItems: 200 }
  await dispatcher.connections.create({ orgId: 'org_1', transport: 'log', config: {}, digest })
  const before = await heapBytes()
  const portions: number[] = []
  for (let n = 0; n < members; n += PORTION) {
    const events = Array.from({ length: PORTION }, () => eventFor('org_1'))
    portions.push((await cpuOf(() => dispatcher.dispatchMany(events))) / PORTION)
    // an hour is long enough for all of them, a millisecond each would not be
    clock.set(clock.now() + 10)
  }
  const heap = (await heapBytes()) - before
  const listed = await cpuOf(() => dispatcher.digests.list({ orgId: 'org_1' }))
  clock.set(clock.now() + HOUR)
  const sealed = await cpuOf(() => dispatcher.tick())
  const [message] = sent
  if (sent.length !== 1 || message?.kind !== 'digest' || message.total !== members || message.events.length !== 200) {
    throw new Error(`${members} events made ${sent.length} messages`)
  }
  await dispatcher.close()
  const bytes = store.name === 'sqlite' ? statSync(fileOf()).size : heap
  await store.close()
  const tenth = Math.max(1, Math.floor(portions.length / 10))
  return {
    micros: median(portions),
    growth: median(portions.slice(-tenth)) / median(portions.slice(0, tenth)),
    bytes: bytes / members,
    listed: listed / 1000,
    sealed: sealed / 1000,
  }
}

function into(sent: Message[]): Transport<'log', object, object, Message> {
  return {
    name: 'log',
    config: { '~standard': { version: 1, vendor: 'bench', validate: () => ({ value: {} }) } },
    fields: [],
    build: (message) => message,
    send: async (message): Promise<Outcome> => {
      sent.push(message)
      return { kind: 'delivered', status: 200 }
    },
  }
}

async function digests(): Promise<void> {
  const rows = [
    ['CPU, digest of', 'µs an event', 'last tenth ÷ first', 'bytes an event', 'list ms', 'close and send ms'],
  ]
  const micros = new Map<string, number[]>()
  for (const [name, open] of chosen) {
    await digestOf(open(), PORTION * 20)
    for (const members of [COUNT / 10, COUNT]) {
      const one = await digestOf(open(), members)
      micros.set(name, [...(micros.get(name) ?? []), one.micros])
      rows.push([
        `${members}, ${name}`,
        one.micros.toFixed(1),
        one.growth.toFixed(2),
        one.bytes.toFixed(0),
        one.listed.toFixed(1),
        one.sealed.toFixed(1),
      ])
    }
  }
  console.log(`Digests, maxItems 200\n\n${table(rows)}\n`)
  for (const [name, [small = 0, large = 0]] of micros) {
    console.log(`${name}: an event of ${COUNT} costs ${(large / small).toFixed(2)} × an event of ${COUNT / 10}`)
  }
}

// ---------------------------------------------------------------------------------------------- what waits

/** Memory of `count` pending deliveries: `events` events, each for `connections` connections. */
async function waiting(store: Store, events: number, connections: number) {
  const dispatcher = createDispatcher({ store, transports: [into([])], encryption: false })
  for (let n = 0; n < connections; n++) {
    await dispatcher.connections.create({ orgId: 'org_1', transport: 'log', config: {}, label: 'a connection' })
  }
  // the compiled filter, and whatever else the first dispatch leaves
  await dispatcher.dispatch(eventFor('org_1'))
  const before = await heapBytes()
  const size = Math.max(1, Math.floor(PORTION / connections))
  const cpu = await cpuOf(async () => {
    for (let n = 0; n < events; n += size) {
      await dispatcher.dispatchMany(Array.from({ length: Math.min(size, events - n) }, () => eventFor('org_1')))
    }
  })
  const micros = cpu / (events * connections)
  const heap = (await heapBytes()) - before
  await dispatcher.close()
  await store.close()
  const bytes = store.name === 'sqlite' ? statSync(fileOf()).size : 0
  return { micros, heap, bytes }
}

/** In a process of its own: what another run has left behind would be counted. */
function apart(name: string, events: number, connections: number): Awaited<ReturnType<typeof waiting>> {
  const shape = [name, events, connections].join()
  const output = execFileSync(process.execPath, ['--no-warnings', fileURLToPath(import.meta.url), '--shape', shape])
  return JSON.parse(String(output))
}

function memory(): void {
  const rows = [[`${COUNT} pending`, 'µs CPU each', 'heap MB', 'bytes each', 'file MB', 'goal MB']]
  const shapes = [
    [COUNT, 1, '100'],
    [COUNT / 1000, 1000, '60'],
    [1, COUNT, '60'],
  ] as const
  for (const [name] of chosen) {
    for (const [events, connections, goal] of shapes) {
      if (name === 'sqlite' && connections === COUNT) continue
      const { micros, heap, bytes } = apart(name, events, connections)
      rows.push([
        `${events} events × ${connections} connections, ${name}`,
        micros.toFixed(1),
        (heap / 1e6).toFixed(1),
        (heap / COUNT).toFixed(0),
        bytes === 0 ? '' : (bytes / MIB).toFixed(0),
        name === 'memory' ? goal : '',
      ])
    }
  }
  console.log(table(rows))
}

// ---------------------------------------------------------------------------------------------- a backlog beside others

const WARM_UP = 50
const TIMED = 400

/** How the dead one fails: it takes the request and is silent, or it answers 500 at once. */
type Death = 'hang' | 'fail'

async function beside(
  store: Store,
  backlog: number,
  death: Death,
  { dead, alive }: { dead: Receiver; alive: Receiver },
) {
  const claims = counting(store)
  const dispatcher = createDispatcher({
    store: claims.store,
    transports: [webhookTransport({ retry: { delaysMs: [HOUR], quick: false } })],
    egress: { allow: [{ cidr: '127.0.0.0/8', plainHttp: true }] },
    encryption: false,
  })
  const create = (orgId: string, url: string) =>
    dispatcher.connections.create({ orgId, transport: 'webhook', config: { url } })
  await create('org_dead', `${dead.origin}/${death}`)
  const { connection } = await create('org_1', `${alive.origin}/timed`)
  for (let n = 0; n < backlog; n += PORTION) {
    await dispatcher.dispatchMany(Array.from({ length: PORTION }, () => eventFor('org_dead')))
  }
  await heapBytes()
  let delivered = 0
  dispatcher.on('delivery.delivered', () => delivered++)
  const all = async (count: number): Promise<void> => {
    while (delivered < count) await pause(2)
  }
  await dispatcher.start()
  await paced(WARM_UP, () => dispatcher.dispatch(eventFor('org_1', { sentAt: preciseNow() })))
  await all(WARM_UP)
  await alive.latencies()
  await paced(TIMED, () => dispatcher.dispatch(eventFor('org_1', { sentAt: preciseNow() })))
  await all(WARM_UP + TIMED)
  const latencies = await alive.latencies()
  // one after the other: several at once would wait for each other, by the connection's own limit
  const rounds: number[] = []
  for (let n = 0; n < 50; n++) {
    const taken = claims.untilTaken(connection.id)
    await dispatcher.dispatch(eventFor('org_1', { sentAt: preciseNow() }))
    claims.begin()
    rounds.push(await taken)
    await all(WARM_UP + TIMED + n + 1)
  }
  await alive.latencies()
  await dispatcher.close({ graceMs: 0 })
  await store.close()
  return { latencies, rounds }
}

/** Counts the claims that begin after `begin`, up to the one that takes something of a connection. */
function counting(store: Store) {
  let begun = 0
  let waiting: { readonly connectionId: string; readonly resolve: (claims: number) => void } | undefined
  return {
    untilTaken: (connectionId: string) =>
      new Promise<number>((resolve) => {
        begun = 0
        waiting = { connectionId, resolve }
      }),
    begin() {
      begun = 0
    },
    store: {
      ...store,
      deliveries: {
        ...store.deliveries,
        async claim(request: Parameters<Store['deliveries']['claim']>[0]) {
          const mine = ++begun
          const result = await store.deliveries.claim(request)
          if (result.deliveries.some(({ connectionId }) => connectionId === waiting?.connectionId)) {
            // one that was under way when the delivery was accepted has taken it: that is none
            waiting?.resolve(begun < mine ? 0 : mine)
            waiting = undefined
          }
          return result
        },
      },
    },
  }
}

/** 200 a second. */
async function paced(count: number, unit: () => Promise<unknown>): Promise<void> {
  const began = performance.now()
  const units: Promise<unknown>[] = []
  for (let n = 0; n < count; n++) {
    const waitMs = began + n * 5 - performance.now()
    if (waitMs > 0) await pause(waitMs)
    units.push(unit())
  }
  await Promise.all(units)
}

async function backlogs(): Promise<void> {
  const rows = [['dispatch to arrival', 'arrived', 'p50 ms', 'p99 ms', 'p50 ×', 'p99 ×', 'most claims']]
  const [receiver, graveyard] = await Promise.all([startReceiver(), startReceiver()])
  const ends = { dead: graveyard, alive: receiver }
  for (const [name, open] of chosen) {
    for (const death of ['hang', 'fail'] as const) {
      const without: Awaited<ReturnType<typeof beside>>[] = []
      const with_: Awaited<ReturnType<typeof beside>>[] = []
      for (let round = -1; round < Number(values.rounds); round++) {
        const pair = [
          async () => without.push(await beside(open(), 0, death, ends)),
          async () => with_.push(await beside(open(), COUNT, death, ends)),
        ]
        for (const turn of round % 2 === 0 ? pair : pair.reverse()) await turn()
        if (round === -1) without.length = with_.length = 0
      }
      for (const [what, some] of [
        ['alone', without],
        [`beside ${COUNT} that ${death}`, with_],
      ] as const) {
        const over = (share: number) => median(some.map(({ latencies }) => quantile(latencies, share)))
        const ratio = (share: number) =>
          median(
            some.map(({ latencies }, n) => quantile(latencies, share) / quantile(without[n]?.latencies ?? [], share)),
          )
        rows.push([
          `${name}, ${what}`,
          String(some.reduce((sum, { latencies }) => sum + latencies.length, 0)),
          over(0.5).toFixed(2),
          over(0.99).toFixed(2),
          ratio(0.5).toFixed(2),
          ratio(0.99).toFixed(2),
          String(Math.max(...some.flatMap(({ rounds }) => rounds))),
        ])
      }
    }
  }
  receiver.close()
  graveyard.close()
  console.log(`Another connection's deliveries, 200 a second, medians of ${values.rounds} rounds\n\n${table(rows)}`)
}

/** CPU, in µs: it holds still better than time. */
async function cpuOf(work: () => Promise<unknown>): Promise<number> {
  const before = process.cpuUsage()
  await work()
  const { user, system } = process.cpuUsage(before)
  return user + system
}

const parts = { digest: digests, memory, backlog: backlogs }
if (values.shape === undefined) {
  for (const [name, run] of Object.entries(parts)) {
    if (values.part !== undefined && values.part !== name) continue
    await run()
    console.log()
  }
} else {
  const [name = '', events, connections] = values.shape.split(',')
  const open = stores[name]
  if (open) console.log(JSON.stringify(await waiting(open(), Number(events), Number(connections))))
}
rmSync(folder, { recursive: true })
