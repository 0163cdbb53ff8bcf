/** The dispatcher over each of its stores and engines, with connections to the receiver. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { PgBoss } from 'pg-boss'
import type { Engine } from '../../../src/contracts/engine.ts'
import type { Store } from '../../../src/contracts/store.ts'
import { createDispatcher } from '../../../src/dispatcher.ts'
import { bullmqEngine } from '../../../src/engines/bullmq.ts'
import { pgBossEngine } from '../../../src/engines/pg-boss.ts'
import { ghostSignature } from '../../../src/signing/index.ts'
import { memoryStore } from '../../../src/stores/memory.ts'
import { migrate, postgresStore } from '../../../src/stores/postgres.ts'
import { sqliteStore } from '../../../src/stores/sqlite.ts'
import { webhookTransport } from '../../../src/transports/webhook.ts'
import { PATH } from './clients.ts'
import type { Contender, Setting } from './contender.ts'
import { orgIdOf, SECRET } from './event.ts'

interface Closable<T> {
  readonly it: T
  close(): Promise<void>
}

export async function openSignalbox(setting: Setting): Promise<Contender> {
  const { spec, orgs, origin, delivered } = setting
  const { concurrency } = spec
  const store = await openStore(setting)
  const engine = await openEngine(setting)
  const dispatcher = createDispatcher({
    store: store.it,
    ...(engine === undefined ? {} : { engine: engine.it }),
    transports: [webhookTransport({ signatures: [ghostSignature()] })],
    worker: { concurrency, perConnection: concurrency },
    egress: { allow: [{ cidr: '127.0.0.0/8', plainHttp: true }] },
    encryption: false,
  })
  for (let index = 0; index < orgs; index++) {
    const orgId = orgIdOf(index)
    const { items } = await dispatcher.connections.list({ orgId })
    // of the round before
    if (items.length > 0) continue
    const config = { url: `${origin}${PATH}` }
    await dispatcher.connections.create({ orgId, transport: 'webhook', config, secret: SECRET })
  }
  await dispatcher.start()
  dispatcher.on('delivery.delivered', delivered)
  return {
    enqueue: (event) => dispatcher.dispatch(event),
    enqueueMany: (events) => dispatcher.dispatchMany(events),
    drain: () => dispatcher.drain(),
    async close() {
      await dispatcher.close()
      await store.close()
      await engine?.close()
    },
  }
}

async function openStore({ spec, namespace, postgresUrl }: Setting): Promise<Closable<Store>> {
  if (spec.store === 'postgres') {
    const pool = new pg.Pool({ connectionString: postgresUrl })
    await migrate({ pool, schema: namespace })
    const it = postgresStore({ pool, schema: namespace })
    return { it, close: async () => void (await Promise.all([it.close(), pool.end()])) }
  }
  if (spec.store === 'sqlite') {
    const folder = mkdtempSync(join(tmpdir(), 'signalbox-bench-'))
    const it = sqliteStore({ path: join(folder, 'bench.db') })
    return {
      it,
      async close() {
        await it.close()
        rmSync(folder, { recursive: true })
      },
    }
  }
  const it = memoryStore()
  return { it, close: async () => it.close() }
}

async function openEngine({ spec, namespace, postgresUrl, redisUrl }: Setting): Promise<Closable<Engine> | undefined> {
  if (spec.engine === 'bullmq') {
    const it = bullmqEngine({ connection: { url: redisUrl }, prefix: namespace })
    return { it, close: async () => {} }
  }
  if (spec.engine === 'pg-boss') {
    const boss = new PgBoss({ connectionString: postgresUrl, schema: `${namespace}_boss`, useListenNotify: true })
    boss.on('error', (error) => console.error(error))
    await boss.start()
    return { it: pgBossEngine({ boss }), close: () => boss.stop({ graceful: false }) }
  }
  return undefined
}
