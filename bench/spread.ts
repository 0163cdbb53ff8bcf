/**
 * What it costs to send one event to many: to connections of one organisation, by number and store; a large body to
 * many connections; to many destinations instead of one.
 *
 *   node bench/spread.ts [--part fanout|body|origins] [--only memory] [--rounds 3]
 */
import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import pg from 'pg'
import type { Connection, EventMessage, HttpPort, Store, Transport } from '../src/index.ts'
import { createDispatcher } from '../src/index.ts'
import { ghostSignature } from '../src/signing/index.ts'
import { memoryStore } from '../src/stores/memory.ts'
import { migrate, postgresStore } from '../src/stores/postgres.ts'
import { sqliteStore } from '../src/stores/sqlite.ts'
import { webhookTransport } from '../src/transports/webhook.ts'
import { heapBytes } from './support/heap.ts'
import { startOrigins } from './support/many-origins.ts'
import { inParallel, median, table } from './support/measure.ts'
import { serverAnswers, url } from './support/postgres-server.ts'
import { startReceiver } from './support/receiver.ts'

const { values } = parseArgs({
  options: {
    part: { type: 'string' },
    only: { type: 'string' },
    rounds: { type: 'string', default: '3' },
  },
})
const ROUNDS = Number(values.rounds)
const SECRET = 'a secret of the bench, 32 bytes!'

/** 402 bytes as sent, or as many more as `body` says. */
function eventOf(bodyBytes = 142) {
  return {
    orgId: 'org_1',
    type: 'case_assigned',
    title: 'A case was assigned to you',
    body: 'x'.repeat(bodyBytes),
    href: 'https://app.example.com/cases/1234567890',
    orgName: 'Acme',
    metadata: { caseId: 'case_1234567890', priority: 3, labels: ['access', 'erasure'] },
  }
}

type Hooks = ReturnType<typeof webhookTransport>

const hooks = (): Hooks => webhookTransport({ signatures: [ghostSignature()] })

/** The same transport, which lets no connections share what it builds. */
function unshared(): Hooks {
  const { variant: _, ...rest } = hooks()
  return rest
}

/** A dispatcher with a connection for each URL. It works only when it is told to. */
async function openHost(store: Store, urls: readonly string[], transport: Hooks = hooks()) {
  const dispatcher = createDispatcher({
    store,
    transports: [transport],
    egress: { allow: [{ cidr: '127.0.0.0/8', plainHttp: true }] },
    encryption: false,
  })
  let next = 0
  await inParallel(urls.length, 8, () =>
    dispatcher.connections.create({
      orgId: 'org_1',
      transport: 'webhook',
      config: { url: urls[next++] ?? '' },
      secret: SECRET,
    }),
  )
  return {
    dispatch: (count: number, bodyBytes?: number) =>
      inParallel(count, 1, () => dispatcher.dispatch(eventOf(bodyBytes))),
    /** Works until so many were delivered, or for so long. Answers how many were. */
    async deliver(count: number, budgetMs = 60_000): Promise<number> {
      const endAt = performance.now() + budgetMs
      let done = 0
      for (let left = budgetMs; done < count && left > 0; left = endAt - performance.now()) {
        const { delivered, retried, failed } = await dispatcher.tick({ budgetMs: left })
        if (retried + failed > 0) throw new Error(`${retried + failed} deliveries were not taken`)
        done += delivered
      }
      return done
    },
    async close() {
      await dispatcher.close({ graceMs: 1000 })
      await store.close()
    },
  }
}

type Host = Awaited<ReturnType<typeof openHost>>

/** CPU in µs, and what `work` answered. */
async function cpuOf<T>(work: () => Promise<T>): Promise<readonly [number, T]> {
  const before = process.cpuUsage()
  const result = await work()
  const { user, system } = process.cpuUsage(before)
  return [user + system, result]
}

const verdicts: string[] = []

function goal(what: string, reached: boolean): void {
  verdicts.push(`${reached ? 'reached' : 'MISSED '}  ${what}`)
}

// ---------------------------------------------------------------------------------------------- one event to many

/** Deliveries of a round, about: so many events that it is one. */
const ROUND = 10_000
const MAX_EVENTS = 500
const WARM_UP = 3000
/** Where an event is more than a round, its rounds end after so long, all together. */
const BOUND_MS = 15_000

const folder = mkdtempSync(join(tmpdir(), 'signalbox-bench-'))
let files = 0

interface OpenStore {
  readonly store: Store
  close(): Promise<void>
}

const stores: Record<string, { readonly sizes: readonly number[]; open(): Promise<OpenStore> }> = {
  memory: {
    sizes: [1, 100, 10_000, 100_000],
    open: async () => ({ store: memoryStore(), close: async () => {} }),
  },
  sqlite: {
    sizes: [1, 100, 10_000],
    open: async () => ({ store: sqliteStore({ path: join(folder, `${files++}.db`) }), close: async () => {} }),
  },
  postgres: { sizes: [1, 100, 10_000], open: openPostgres },
}

async function openPostgres(): Promise<OpenStore> {
  const schema = `signalbox_spread_${randomUUID().slice(0, 8)}`
  const pool = new pg.Pool({ connectionString: url })
  await migrate({ pool, schema })
  return {
    store: postgresStore({ pool, schema }),
    async close() {
      await pool.query(`DROP SCHEMA "${schema}" CASCADE`)
      await pool.end()
    },
  }
}

async function fanout(): Promise<void> {
  const receiver = await startReceiver()
  // what the first deliveries of a process cost is not what the first store costs
  const early = await openHost(memoryStore(), [`${receiver.origin}/hooks`])
  await early.dispatch(WARM_UP)
  await early.deliver(WARM_UP)
  await early.close()
  const rows = [
    ['one event to', 'µs dispatch, an event', 'a delivery', 'µs delivering, a delivery', 'both', 'both, × 1'],
  ]
  for (const [name, { sizes, open }] of Object.entries(stores)) {
    if (values.only !== undefined && values.only !== name) continue
    if (name === 'postgres' && !(await serverAnswers())) {
      console.log('skipped: no PostgreSQL answers (SIGNALBOX_TEST_POSTGRES_URL)')
      continue
    }
    let single = Number.NaN
    for (const size of sizes) {
      const { store, close } = await open()
      const urls = Array.from({ length: size }, (_, n) => `${receiver.origin}/hooks/${n}`)
      const host = await openHost(store, urls)
      const events = Math.min(MAX_EVENTS, Math.ceil(ROUND / size))
      const count = events * size
      const budgetMs = size < ROUND ? undefined : BOUND_MS / (ROUNDS + 1)
      const accepted: number[] = []
      const delivered: number[] = []
      let isWhole = true
      for (let round = -1; round < ROUNDS; round++) {
        const [dispatching] = await cpuOf(() => host.dispatch(events))
        const [delivering, done] = await cpuOf(() => host.deliver(count, budgetMs))
        if (budgetMs === undefined && done !== count) throw new Error(`${done} of ${count} were delivered`)
        isWhole &&= done === count
        if (round < 0) continue
        accepted.push(dispatching / events)
        delivered.push(delivering / done)
      }
      const both = median(accepted) / size + median(delivered)
      if (size === 1) single = both
      rows.push([
        `${size}, ${name}`,
        median(accepted).toFixed(0),
        (median(accepted) / size).toFixed(1),
        `${isWhole ? '' : '(part) '}${median(delivered).toFixed(1)}`,
        both.toFixed(1),
        (both / single).toFixed(2),
      ])
      await host.close()
      await close()
    }
  }
  receiver.close()
  console.log(`Fan-out, CPU, medians of ${ROUNDS} rounds\n\n${table(rows)}\n`)
}

// ---------------------------------------------------------------------------------------------- one large body

const LARGE = 10_000
const MANY = 1000
/** Without an exchange: so many take as long as a round of the others. */
const SENDS = 4000
const MIN_TIMES = 3

/** An exchange that costs nothing: what is left is building, encoding and signing. */
const nowhere: HttpPort = {
  check() {},
  request: async () => ({ status: 200, headers: {}, text: '', truncated: false }),
  close: async () => {},
}

function messageOf(): EventMessage {
  const timestamp = Date.now()
  const id = `msg_${randomUUID()}`
  const about = { orgId: 'org_1', orgName: 'Acme', timestamp }
  const event = { ...eventOf(LARGE), ...about, id: `evt_${id}`, messageId: id, importance: 'normal' } as const
  return { ...about, kind: 'event', id, event: { ...event, acceptedAt: timestamp } }
}

/** What a payload takes beside the exchange: built once for all, or for each; µs a delivery. */
async function payloads(transport: Transport<string, object, { url: string; format: string }>, isShared: boolean) {
  const connection: Connection<{ url: string; format: string }> = {
    id: 'con_1',
    orgId: 'org_1',
    label: 'Bench',
    categories: [],
    eventTypes: [],
    transport: 'webhook',
    config: { url: 'https://hooks.example.com/in', format: 'ghost' },
  }
  const message = messageOf()
  const { signal } = new AbortController()
  const now = Date.now()
  const context = {
    connection,
    secrets: [SECRET],
    http: nowhere,
    deliveryId: 'dlv_1',
    messageId: message.id,
    attempt: 1,
    now,
    deadlineAt: now + 10_000,
    signal,
  }
  const [cpu] = await cpuOf(async () => {
    let payload: unknown
    for (let n = 0; n < SENDS; n++) {
      if (!isShared || payload === undefined) payload = transport.build(message, connection)
      await transport.send(payload, context)
    }
  })
  return cpu / SENDS
}

async function largeBody(): Promise<void> {
  const receiver = await startReceiver()
  const urls = Array.from({ length: MANY }, (_, n) => `${receiver.origin}/hooks/${n}`)
  const hosts = new Map<string, Host>([
    ['shared', await openHost(memoryStore(), urls)],
    ['for each', await openHost(memoryStore(), urls, unshared())],
  ])
  const transport = hooks()
  const unsigned = webhookTransport({ signatures: [] })
  const samples = new Map<string, number[]>()
  const add = (name: string, value: number): void => void samples.set(name, [...(samples.get(name) ?? []), value])
  for (let round = -2; round < ROUNDS * 2; round++) {
    const record = round < 0 ? () => {} : add
    for (const [name, host] of hosts) {
      await host.dispatch(2, LARGE)
      record(`whole, ${name}`, (await cpuOf(() => host.deliver(2 * MANY)))[0] / MANY / 2)
      const isShared = name === 'shared'
      record(`payload and signature, ${name}`, await payloads(transport, isShared))
      record(`payload, ${name}`, await payloads(unsigned, isShared))
    }
  }
  for (const host of hosts.values()) await host.close()
  receiver.close()
  const rows = [['one event of 10 KB to 1,000', 'µs, built once', 'µs, built for each', '×']]
  for (const what of ['payload', 'payload and signature', 'whole']) {
    const once = samples.get(`${what}, shared`) ?? []
    const each = samples.get(`${what}, for each`) ?? []
    const times = median(each.map((value, n) => value / (once[n] ?? Number.NaN)))
    rows.push([what, median(once).toFixed(1), median(each).toFixed(1), times.toFixed(2)])
    if (what === 'payload and signature')
      goal(
        `payload of 10 KB and signature, built once: ≥ ${MIN_TIMES} × less CPU: ${times.toFixed(1)}`,
        times >= MIN_TIMES,
      )
  }
  console.log(`CPU a delivery, medians of ${ROUNDS * 2} rounds\n\n${table(rows)}\n`)
}

// ---------------------------------------------------------------------------------------------- many destinations

const ORIGINS = 500
const EVENTS = 20
const MAX_CPU = 1.6
const MAX_HEAP_KB = 30

async function destinations(): Promise<void> {
  const many = await startOrigins(ORIGINS)
  const one = await startOrigins(1)
  const open = async (origins: readonly string[]) => {
    const urls = Array.from({ length: ORIGINS }, (_, n) => `${origins[n % origins.length]}/hooks/${n}`)
    const before = await heapBytes()
    const host = await openHost(memoryStore(), urls)
    const turn = async (): Promise<void> => {
      await host.dispatch(1)
      await host.deliver(ORIGINS)
    }
    await inParallel(3, 1, turn)
    return { host, turn, heap: (await heapBytes()) - before }
  }
  // the first leaves what every later one finds made
  const early = await open(one.origins)
  await early.host.close()
  const single = await open(one.origins)
  const spread = await open(many.origins)
  const cpu = { one: [] as number[], many: [] as number[] }
  for (let round = -2; round < ROUNDS * 2; round++) {
    const ofOne = (await cpuOf(() => inParallel(EVENTS, 1, single.turn)))[0] / EVENTS / ORIGINS
    const ofMany = (await cpuOf(() => inParallel(EVENTS, 1, spread.turn)))[0] / EVENTS / ORIGINS
    if (round < 0) continue
    cpu.one.push(ofOne)
    cpu.many.push(ofMany)
  }
  const sockets = await many.sockets()
  await single.host.close()
  await spread.host.close()
  many.close()
  one.close()
  const times = median(cpu.many.map((value, n) => value / (cpu.one[n] ?? Number.NaN)))
  const kilobytes = (spread.heap - single.heap) / (ORIGINS - 1) / 1000
  const most = Math.max(...sockets.accepted)
  const rows = [
    [`${ORIGINS} connections at`, 'µs CPU a delivery', 'heap MB'],
    ['one destination', median(cpu.one).toFixed(1), (single.heap / 1e6).toFixed(1)],
    [`${ORIGINS} destinations`, median(cpu.many).toFixed(1), (spread.heap / 1e6).toFixed(1)],
  ]
  console.log(`Destinations, medians of ${ROUNDS * 2} rounds\n\n${table(rows)}\n`)
  const isKept = most === 1 && sockets.open.every((open) => open === 1)
  goal(`one connection each, kept alive: at most ${most} accepted by any`, isKept)
  goal(`CPU ≤ ${MAX_CPU} × one destination: ${times.toFixed(2)}`, times <= MAX_CPU)
  goal(`heap ≤ ${MAX_HEAP_KB} KB each: ${kilobytes.toFixed(1)}`, kilobytes <= MAX_HEAP_KB)
}

const parts = { fanout, body: largeBody, origins: destinations }
for (const [name, run] of Object.entries(parts)) if (values.part === undefined || values.part === name) await run()
rmSync(folder, { recursive: true })
console.log(verdicts.join('\n'))
