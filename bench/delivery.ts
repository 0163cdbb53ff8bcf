/**
 * dispatch → delivered, beside the bare loop that it stands for: JSON.stringify + createHmac + undici's Pool.request.
 * CPU of the sending process; rounds interleaved; medians.
 *
 *   node bench/delivery.ts [--count 20000] [--rounds 5] [--only memory]
 */
import { createHmac, createSecretKey } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { Pool } from 'undici'
import type { Store } from '../src/contracts/store.ts'
import { createDispatcher } from '../src/dispatcher.ts'
import { ghostSignature } from '../src/signing/index.ts'
import { memoryStore } from '../src/stores/memory.ts'
import { sqliteStore } from '../src/stores/sqlite.ts'
import { webhookTransport } from '../src/transports/webhook.ts'
import { type Cost, costOf, inParallel, median, table } from './support/measure.ts'
import { startReceiver } from './support/receiver.ts'

const CONCURRENCY = 64
/** Accepted and not delivered yet: what a host has that dispatches about as fast as its receivers answer. */
const MAX_OUTSTANDING = 1000
const SECRET = 'a secret of the bench, 32 bytes!'
const { values } = parseArgs({
  options: {
    count: { type: 'string', default: '20000' },
    rounds: { type: 'string', default: '5' },
    only: { type: 'string' },
  },
})
const count = Number(values.count)
const folder = mkdtempSync(join(tmpdir(), 'signalbox-bench-'))
const receiver = await startReceiver()

const event = {
  orgId: 'org_1',
  type: 'case_assigned',
  title: 'A case was assigned to you',
  body: 'x'.repeat(142),
  href: 'https://app.example.com/cases/1234567890',
  orgName: 'Acme',
  metadata: { caseId: 'case_1234567890', priority: 3, labels: ['access', 'erasure'] },
}

/** The 402 bytes that `ghostFormat` makes of the event. */
function payload() {
  const { type, title, body, href, orgName, metadata } = event
  return { type, title, body, href, orgName, metadata, timestamp: new Date().toISOString() }
}

async function bareLoop(): Promise<Cost> {
  const pool = new Pool(receiver.origin, { connections: CONCURRENCY })
  const key = createSecretKey(SECRET, 'utf8')
  const cost = await costOf(count, () =>
    inParallel(count, CONCURRENCY, async () => {
      const body = JSON.stringify(payload())
      const response = await pool.request({
        method: 'POST',
        path: '/',
        headers: {
          'content-type': 'application/json',
          'x-ghost-signature': createHmac('sha256', key).update(body).digest('hex'),
          'x-ghost-timestamp': String(Math.floor(Date.now() / 1000)),
        },
        body,
      })
      await response.body.text()
    }),
  )
  await pool.close()
  return cost
}

async function viaDispatcher(store: Store): Promise<Cost> {
  const dispatcher = createDispatcher({
    store,
    transports: [webhookTransport({ signatures: [ghostSignature()] })],
    worker: { concurrency: CONCURRENCY, perConnection: CONCURRENCY },
    egress: { allow: [{ cidr: '127.0.0.0/8', plainHttp: true }] },
    encryption: false,
  })
  await dispatcher.connections.create({
    orgId: 'org_1',
    transport: 'webhook',
    config: { url: `${receiver.origin}/` },
    secret: SECRET,
  })
  await dispatcher.start()
  let outstanding = 0
  let waiting: (() => void)[] = []
  dispatcher.on('delivery.delivered', () => {
    if (--outstanding >= MAX_OUTSTANDING || waiting.length === 0) return
    for (const resume of waiting) resume()
    waiting = []
  })
  const cost = await costOf(count, async () => {
    await inParallel(count, CONCURRENCY, async () => {
      while (outstanding >= MAX_OUTSTANDING) await new Promise<void>((resolve) => waiting.push(resolve))
      outstanding++
      await dispatcher.dispatch(event)
    })
    await dispatcher.drain()
  })
  await dispatcher.close()
  await store.close()
  return cost
}

let files = 0
const contenders: Record<string, () => Promise<Cost>> = {
  'bare loop': bareLoop,
  memory: () => viaDispatcher(memoryStore()),
  'sqlite (FULL)': () => viaDispatcher(sqliteStore({ path: join(folder, `${files++}.db`) })),
}

const results = new Map<string, Cost[]>()
for (let round = -1; round < Number(values.rounds); round++) {
  for (const [name, run] of Object.entries(contenders)) {
    if (values.only !== undefined && name !== 'bare loop' && !name.startsWith(values.only)) continue
    const cost = await run()
    if (round >= 0) results.set(name, [...(results.get(name) ?? []), cost])
  }
}
receiver.close()
rmSync(folder, { recursive: true })

const bytes = Buffer.byteLength(JSON.stringify(payload()))
const base = results.get('bare loop') ?? []
console.log(`${count} deliveries of ${bytes} bytes, concurrency ${CONCURRENCY}, medians of ${values.rounds} rounds\n`)
console.log(
  table([
    ['', 'µs CPU a delivery', '× bare loop', 'deliveries/s', '× memory'],
    ...[...results].map(([name, costs]) => [
      name,
      median(costs.map((cost) => cost.cpu)).toFixed(1),
      median(costs.map((cost, round) => cost.cpu / (base[round]?.cpu ?? Number.NaN))).toFixed(2),
      median(costs.map((cost) => cost.rate)).toFixed(0),
      median(costs.map((cost, round) => cost.rate / (results.get('memory')?.[round]?.rate ?? Number.NaN))).toFixed(2),
    ]),
  ]),
)
