import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Store } from '../../src/contracts/store.ts'
import { createDispatcher } from '../../src/dispatcher.ts'
import type { Dispatcher } from '../../src/dispatcher-api.ts'
import { memoryStore } from '../../src/stores/memory.ts'
import { sqliteStore } from '../../src/stores/sqlite.ts'
import { webhookTransport } from '../../src/transports/webhook.ts'

const CONNECTIONS = 100
const CONCURRENCY = 64
const PER_CONNECTION = 8
const EVENTS = 12

const folder = mkdtempSync(join(tmpdir(), 'signalbox-isolation-'))
let files = 0
let server: Server
let origin: string
/** Requests that came, by path. `/dead/…` is never answered. */
let requests: Map<string, number>
let store: Store
let dispatcher: Dispatcher

beforeEach(async () => {
  requests = new Map()
  server = createServer((request, response) => {
    const path = request.url ?? ''
    requests.set(path, (requests.get(path) ?? 0) + 1)
    if (!path.startsWith('/dead/')) request.resume().on('end', () => response.end())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})

afterEach(async () => {
  await dispatcher.close({ graceMs: 0 })
  await store.close()
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
})

afterAll(() => rmSync(folder, { recursive: true, force: true }))

function came(kind: 'dead' | 'alive'): number[] {
  return [...requests].filter(([path]) => path.startsWith(`/${kind}/`)).map(([, count]) => count)
}

async function dispatchEvents(): Promise<void> {
  for (let n = 0; n < EVENTS; n++) {
    await dispatcher.dispatch({
      orgId: 'org_1',
      type: 'case_assigned',
      title: `Case ${n}`,
      body: '',
      href: 'https://app.example.com/cases',
    })
  }
}

describe.each<[string, () => Store]>([
  ['memory', () => memoryStore()],
  ['SQLite', () => sqliteStore({ path: join(folder, `${files++}.db`) })],
])('with the %s store', (_name, open) => {
  it.each([1, 7])('%i endpoints that never answer keep their own places and nothing of the others', async (dead) => {
    store = open()
    dispatcher = createDispatcher({
      store,
      // the dead ones hang until the test is over
      transports: [webhookTransport({ deadlineMs: 60_000 })],
      worker: { concurrency: CONCURRENCY, perConnection: PER_CONNECTION },
      egress: { allow: [{ cidr: '127.0.0.0/8', plainHttp: true }] },
      encryption: false,
    })
    for (let n = 0; n < CONNECTIONS; n++) {
      const url = `${origin}/${n < dead ? 'dead' : 'alive'}/${n}`
      await dispatcher.connections.create({ orgId: 'org_1', transport: 'webhook', config: { url } })
    }
    await dispatcher.start()

    await dispatchEvents()
    const full = Array.from({ length: dead }, () => PER_CONNECTION)
    await expect.poll(() => came('dead'), { timeout: 15_000 }).toEqual(full)

    await dispatchEvents()
    const all = Array.from({ length: CONNECTIONS - dead }, () => 2 * EVENTS)
    await expect.poll(() => came('alive'), { timeout: 15_000 }).toEqual(all)

    // the dead ones hung all that time: not one more place was taken, and none given up
    expect(came('dead')).toEqual(full)
    const settled = async (): Promise<number> => {
      const { items } = await store.connections.list({ limit: 200 })
      return items.filter((connection) => connection.health.latest?.status === 'delivered').length
    }
    await expect.poll(settled, { timeout: 15_000 }).toBe(CONNECTIONS - dead)
  })
})
