/**
 * Ways that an event takes to a request, each idle but for one event at a time: so each is as its package has it by
 * default, where `delivery/` has what gets most through.
 */
import { createHmac, createSecretKey } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { Pool } from 'undici'
import type { Engine } from '../../src/contracts/engine.ts'
import type { Store } from '../../src/contracts/store.ts'
import { createDispatcher } from '../../src/dispatcher.ts'
import { bullmqEngine } from '../../src/engines/bullmq.ts'
import { pgBossEngine } from '../../src/engines/pg-boss.ts'
import { ghostSignature } from '../../src/signing/index.ts'
import { memoryStore } from '../../src/stores/memory.ts'
import { migrate, postgresStore } from '../../src/stores/postgres.ts'
import { sqliteStore } from '../../src/stores/sqlite.ts'
import { webhookTransport } from '../../src/transports/webhook.ts'
import { importPeer } from './peers.ts'

export interface Contender {
  /** Accepts an event, as the host would: resolves once it is accepted. */
  send(sentAt: number): Promise<unknown>
  close(): Promise<void>
}

export interface Place {
  /** Of the receiver. */
  readonly origin: string
  /** A name that no one else has: of a schema, or what keys begin with. What is made under it is left there. */
  readonly name: string
  /** The request was answered, and nothing of it is left to do. */
  readonly onDone: () => void
  readonly postgresUrl: string
  readonly redisUrl: string
}

const SECRET = 'a secret of the bench, 32 bytes!'
const PATH = '/timed'

/** 402 bytes as sent, or a few more. */
function eventOf(sentAt: number) {
  return {
    orgId: 'org_1',
    type: 'case_assigned',
    title: 'A case was assigned to you',
    body: 'x'.repeat(142),
    href: 'https://app.example.com/cases/1234567890',
    orgName: 'Acme',
    metadata: { caseId: 'case_1234567890', priority: 3, sentAt },
  }
}

// ---------------------------------------------------------------------------------------------- signalbox

function hostOf(store: Store, engine?: Engine) {
  return createDispatcher({
    store,
    transports: [webhookTransport({ signatures: [ghostSignature()] })],
    egress: { allow: [{ cidr: '127.0.0.0/8', plainHttp: true }] },
    encryption: false,
    ...(engine === undefined ? {} : { engine }),
  })
}

async function signalbox(place: Place, store: Store, engine?: Engine, end = async () => {}): Promise<Contender> {
  const dispatcher = hostOf(store, engine)
  await dispatcher.connections.create({
    orgId: 'org_1',
    transport: 'webhook',
    config: { url: `${place.origin}${PATH}` },
    secret: SECRET,
  })
  dispatcher.on('delivery.delivered', place.onDone)
  await dispatcher.start()
  return {
    send: (sentAt) => dispatcher.dispatch(eventOf(sentAt)),
    async close() {
      await dispatcher.close()
      await store.close()
      await end()
    },
  }
}

async function overPostgres(place: Place, engine?: Engine, end = async () => {}): Promise<Contender> {
  const schema = await schemaOf(place)
  return signalbox(place, schema.open(), engine, async () => {
    await end()
    await schema.end()
  })
}

/** One dispatcher accepts, another one works, as in two processes: their stores know of each other by NOTIFY only. */
async function byNotify(place: Place): Promise<Contender> {
  const { open, end } = await schemaOf(place)
  const store = open()
  const host = hostOf(store)
  const worker = await signalbox(place, open(), undefined, end)
  return {
    send: (sentAt) => host.dispatch(eventOf(sentAt)),
    async close() {
      await host.close()
      await store.close()
      await worker.close()
    },
  }
}

async function schemaOf({ name: schema, postgresUrl }: Place) {
  const pool = new pg.Pool({ connectionString: postgresUrl })
  await migrate({ pool, schema })
  return { open: () => postgresStore({ pool, schema }), end: () => pool.end() }
}

async function startBoss({ name, postgresUrl }: Place, useListenNotify: boolean) {
  const { PgBoss } = await importPeer<typeof import('pg-boss')>('pg-boss')
  const boss = new PgBoss({ connectionString: postgresUrl, schema: `${name}_boss`, useListenNotify })
  boss.on('error', (error) => console.error(error))
  await boss.start()
  return { boss, stop: () => boss.stop({ graceful: false }) }
}

// ---------------------------------------------------------------------------------------------- queues

type Event = ReturnType<typeof eventOf>

/** What a host would write into the handler of a queue. */
function handler(origin: string) {
  const pool = new Pool(origin, { connections: 64 })
  const key = createSecretKey(SECRET, 'utf8')
  return {
    async post({ type, title, body, href, orgName, metadata }: Event): Promise<void> {
      const timestamp = new Date().toISOString()
      const text = JSON.stringify({ type, title, body, href, orgName, metadata, timestamp })
      const response = await pool.request({
        method: 'POST',
        path: PATH,
        headers: {
          'content-type': 'application/json',
          'x-ghost-signature': createHmac('sha256', key).update(text).digest('hex'),
          'x-ghost-timestamp': String(Math.floor(Date.now() / 1000)),
        },
        body: text,
      })
      await response.body.text()
      if (response.statusCode !== 200) throw new Error(`HTTP ${response.statusCode}`)
    },
    close: () => pool.close(),
  }
}

async function bullmq({ origin, name, redisUrl, onDone }: Place): Promise<Contender> {
  const { Queue, Worker } = await importPeer<typeof import('bullmq')>('bullmq')
  const { post, close } = handler(origin)
  const base = { connection: { url: redisUrl }, prefix: name }
  const queue = new Queue<Event>('deliveries', { ...base, defaultJobOptions: { removeOnComplete: true } })
  const worker = new Worker<Event>('deliveries', async ({ data }) => post(data), base)
  worker.on('completed', onDone)
  await Promise.all([queue.waitUntilReady(), worker.waitUntilReady()])
  return {
    send: (sentAt) => queue.add('deliver', eventOf(sentAt)),
    async close() {
      await worker.close()
      await queue.close()
      await close()
    },
  }
}

async function pgBoss(place: Place, useListenNotify: boolean): Promise<Contender> {
  const { boss, stop } = await startBoss(place, useListenNotify)
  const { post, close } = handler(place.origin)
  await boss.createQueue('deliveries', { notify: useListenNotify })
  await boss.work<Event>('deliveries', async ([job]) => {
    if (job !== undefined) await post(job.data)
    place.onDone()
  })
  return {
    send: (sentAt) => boss.send('deliveries', eventOf(sentAt)),
    async close() {
      await stop()
      await close()
    },
  }
}

/** Of graphile-worker, what is used of it. */
interface GraphileWorker {
  run(options: {
    pgPool: pg.Pool
    schema: string
    concurrency: number
    noHandleSignals: boolean
    logger: unknown
    taskList: Record<string, (payload: unknown) => Promise<void>>
  }): Promise<{ addJob(name: string, payload: unknown): Promise<unknown>; stop(): Promise<void> }>
  Logger: new (factory: () => () => void) => unknown
}

async function graphileWorker({ origin, name, postgresUrl, onDone }: Place): Promise<Contender> {
  const { run, Logger } = await importPeer<GraphileWorker>('graphile-worker')
  const { post, close } = handler(origin)
  const pool = new pg.Pool({ connectionString: postgresUrl })
  // it asks for both
  pool.on('error', () => {})
  pool.on('connect', (client) => void client.on('error', () => {}))
  const runner = await run({
    pgPool: pool,
    schema: name,
    concurrency: 64,
    noHandleSignals: true,
    logger: new Logger(() => () => {}),
    taskList: {
      async deliver(event) {
        await post(event as Event)
        onDone()
      },
    },
  })
  return {
    send: (sentAt) => runner.addJob('deliver', eventOf(sentAt)),
    async close() {
      await runner.stop()
      await pool.end()
      await close()
    },
  }
}

// ---------------------------------------------------------------------------------------------- all of them

export interface Spec {
  readonly name: string
  readonly needs: readonly ('postgres' | 'redis')[]
  /** The package that has to be installed. */
  readonly peer?: string
  /** It asks for work every two seconds. */
  readonly polls?: boolean
  open(place: Place): Promise<Contender>
}

export const POSTGRES = 'signalbox Postgres'
export const GRAPHILE = 'graphile-worker'
export const PG_BOSS = 'pg-boss 12, LISTEN'

export const SPECS: readonly Spec[] = [
  { name: 'signalbox memory', needs: [], open: (place) => signalbox(place, memoryStore()) },
  {
    name: 'signalbox SQLite',
    needs: [],
    open(place) {
      const folder = mkdtempSync(join(tmpdir(), 'signalbox-bench-'))
      const store = sqliteStore({ path: join(folder, 'bench.db') })
      return signalbox(place, store, undefined, async () => rmSync(folder, { recursive: true }))
    },
  },
  { name: POSTGRES, needs: ['postgres'], open: (place) => overPostgres(place) },
  { name: `${POSTGRES}, by NOTIFY`, needs: ['postgres'], open: byNotify },
  {
    name: `${POSTGRES} + BullMQ`,
    needs: ['postgres', 'redis'],
    open: (place) => overPostgres(place, bullmqEngine({ connection: { url: place.redisUrl }, prefix: place.name })),
  },
  {
    name: `${POSTGRES} + pg-boss`,
    needs: ['postgres'],
    peer: 'pg-boss',
    async open(place) {
      const { boss, stop } = await startBoss(place, true)
      return overPostgres(place, pgBossEngine({ boss }), stop)
    },
  },
  { name: 'BullMQ', needs: ['redis'], peer: 'bullmq', open: bullmq },
  { name: GRAPHILE, needs: ['postgres'], peer: 'graphile-worker', open: graphileWorker },
  { name: PG_BOSS, needs: ['postgres'], peer: 'pg-boss', open: (place) => pgBoss(place, true) },
  { name: 'pg-boss 12', needs: ['postgres'], peer: 'pg-boss', polls: true, open: (place) => pgBoss(place, false) },
]
