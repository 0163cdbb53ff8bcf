/** Who takes part in `delivery.ts`; what they are is loaded only in the process that runs them. */
import type { ClientName } from './clients.ts'
import type { BenchEvent } from './event.ts'

export type Family = 'bare' | 'signalbox' | 'bullmq' | 'pg-boss-10' | 'pg-boss' | 'graphile-worker'
export type Service = 'postgres' | 'redis'

export interface Spec {
  readonly name: string
  readonly family: Family
  /** Requests at once. */
  readonly concurrency: number
  readonly services: readonly Service[]
  /** Which of the family. */
  readonly store?: 'memory' | 'sqlite' | 'postgres'
  readonly engine?: 'bullmq' | 'pg-boss'
  readonly client?: ClientName
  readonly burst?: boolean
  /** Events come in portions of so many, which are handed over by one call, rather than one by one. */
  readonly portion?: number
}

export interface Setting {
  readonly spec: Spec
  /** Organisations, each with a connection: the dispatcher's queue has as many lanes. */
  readonly orgs: number
  /** Of the receiver. */
  readonly origin: string
  /** For the contender alone: a schema's name, what keys begin with. Dropped for it at the end. */
  readonly namespace: string
  readonly postgresUrl: string
  readonly redisUrl: string
  /** To be called after each delivery. */
  readonly delivered: () => void
}

/** One that is ready: what it does once for all events is done. */
export interface Contender {
  enqueue(event: BenchEvent): Promise<unknown>
  enqueueMany(events: readonly BenchEvent[]): Promise<unknown>
  /** What is left when everything was delivered; part of what is measured. */
  drain?(): Promise<void>
  close(): Promise<void>
}

const PORTION = 100
const PG: readonly Service[] = ['postgres']
const REDIS: readonly Service[] = ['redis']

function signalbox(name: string, concurrency: number, rest: Partial<Spec>): Spec {
  return { family: 'signalbox', name: `signalbox ${name}`, concurrency, services: [], ...rest }
}

/** A queue with the same handler as the bare loop, then with what people write. */
function queue(name: string, of: Pick<Spec, 'family' | 'services' | 'burst'>, clients: readonly ClientName[]): Spec[] {
  return clients.map((client) => ({ ...of, concurrency: 256, name: `${name} + ${client}`, client }))
}

/** By its bulk insert. */
function inPortions(spec: Spec | undefined): Spec[] {
  return spec === undefined ? [] : [{ ...spec, name: `${spec.name} in portions`, portion: PORTION }]
}

export const BARE = 'bare loop 64'
export const MEMORY = 'signalbox memory'
export const SQLITE = 'signalbox SQLite'
export const POSTGRES = 'signalbox Postgres 256'

const BULLMQ = queue('BullMQ', { family: 'bullmq', services: REDIS }, ['undici', 'fetch', 'axios'])
const PG_BOSS_10 = queue('pg-boss 10', { family: 'pg-boss-10', services: PG }, ['undici', 'fetch'])
const PG_BOSS_BURST = queue('pg-boss 12 burst', { family: 'pg-boss', services: PG, burst: true }, ['undici', 'fetch'])
const GRAPHILE_WORKER = queue('graphile-worker', { family: 'graphile-worker', services: PG }, ['undici', 'fetch'])

export const SPECS: readonly Spec[] = [
  { name: BARE, family: 'bare', concurrency: 64, services: [] },
  { name: 'bare loop 256', family: 'bare', concurrency: 256, services: [] },
  { ...signalbox('memory', 64, { store: 'memory' }), name: MEMORY },
  { ...signalbox('SQLite', 64, { store: 'sqlite' }), name: SQLITE },
  signalbox('Postgres 64', 64, { store: 'postgres', services: PG }),
  { ...signalbox('Postgres 256', 256, { store: 'postgres', services: PG }), name: POSTGRES },
  signalbox('Postgres 256 in portions', 256, { store: 'postgres', services: PG, portion: PORTION }),
  signalbox('Postgres + BullMQ', 256, { store: 'postgres', engine: 'bullmq', services: [...PG, ...REDIS] }),
  signalbox('Postgres + pg-boss', 256, { store: 'postgres', engine: 'pg-boss', services: PG }),
  ...BULLMQ,
  ...PG_BOSS_10,
  ...queue('pg-boss 12', { family: 'pg-boss', services: PG }, ['undici', 'fetch']),
  ...PG_BOSS_BURST,
  ...GRAPHILE_WORKER,
  ...[BULLMQ, PG_BOSS_10, PG_BOSS_BURST, GRAPHILE_WORKER].flatMap(([first]) => inPortions(first)),
]
