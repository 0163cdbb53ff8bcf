import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { DeliveryRecord } from '../../src/contracts/delivery.ts'
import type { Store } from '../../src/contracts/store.ts'
import { check, type FinalDelivery, type ProcessHistory, type Verdict } from './check.ts'
import { openHostTransactions } from './host-transactions.ts'
import type { Entry, Mark } from './journal.ts'
import { type PostgresPlaceOptions, postgresPlace, sqlitePlace } from './place.ts'
import { type Child, type ChildOptions, startChild } from './process.ts'
import { type ChaosReceiver, type ReceiverOptions, startChaosReceiver } from './receiver.ts'
import { eventOf, ORG } from './settings.ts'
import { openDispatcher, openStore, type Site } from './site.ts'

export interface WorldOptions extends Omit<Site, 'store'>, PostgresPlaceOptions {
  readonly answers: ReceiverOptions
  /** @default 'sqlite' */
  readonly store?: 'sqlite' | 'postgres'
  /** Settings of the connections beside their URL, one object a connection. @default four without any */
  readonly connections?: readonly ConnectionSettings[]
}

export interface ConnectionSettings {
  readonly pace?: { readonly perSecond: number; readonly burst: number }
}

/** A receiver, a store with its connections, and the processes that share it. */
export interface World {
  readonly receiver: ChaosReceiver
  readonly paths: readonly string[]
  readonly store: Store
  /** Where the processes find it. */
  readonly site: Site
  /** `site`: another one than the others have. */
  start(options: Pick<ChildOptions, 'role'> & Partial<ChildOptions>): Child
  /** Dispatches from here, by a host that is no worker; answers when all are accepted. */
  dispatch(eventIds: readonly string[]): Promise<void>
  /** Those started so far, and this one; `killed`: SIGKILL ended them. */
  histories(): Promise<readonly ProcessHistory[]>
  /** A last process works off everything that is left. @throws when that takes longer than `withinMs` */
  drain(withinMs: number): Promise<void>
  deliveries(): Promise<readonly FinalDelivery[]>
  /** Asks all processes to end by themselves, drains, and checks what everyone saw. */
  verdict(withinMs?: number): Promise<Verdict>
  close(): Promise<void>
}

const FOUR: readonly ConnectionSettings[] = [{}, {}, {}, {}]

export async function createWorld(options: WorldOptions): Promise<World> {
  const { answers, store: kind = 'sqlite', connections = FOUR, engine, worker } = options
  const folder = mkdtempSync(join(tmpdir(), 'signalbox-chaos-'))
  const place = kind === 'sqlite' ? sqlitePlace(join(folder, 'signalbox.db')) : await postgresPlace(options)
  const receiver = await startChaosReceiver(answers)
  const { store, close: closeStore } = openStore(place.own)
  const site: Site = {
    store: place.ofChildren,
    ...(engine === undefined ? {} : { engine }),
    ...(worker === undefined ? {} : { worker }),
  }
  const dispatcher = openDispatcher({ store: place.own }, store)
  const pathOf = new Map<string, string>()
  for (const [n, settings] of connections.entries()) {
    const { connection, secret } = await dispatcher.connections.create({
      ...settings,
      orgId: ORG,
      transport: 'webhook',
      config: { url: `${receiver.origins[n % receiver.origins.length]}/${n}` },
    })
    pathOf.set(connection.id, `/${n}`)
    if (secret !== undefined) receiver.setSecret(`/${n}`, secret)
  }
  await dispatcher.close()
  const host = openDispatcher({ ...site, store: place.own }, store)
  const transactions = openHostTransactions(place.own, host)
  await transactions.createTable()
  const own: Entry[] = []
  const children: Child[] = []

  function start(options: Pick<ChildOptions, 'role'> & Partial<ChildOptions>): Child {
    const name = `p${children.length}`
    const journal = join(folder, `${name}.journal`)
    const defaults = {
      name,
      site: named(site, name),
      journal,
      again: [],
      turns: Number.MAX_SAFE_INTEGER,
      pauseMs: 8,
      graceMs: 10_000,
    }
    const child = startChild({ ...defaults, ...options })
    children.push(child)
    return child
  }

  async function histories(): Promise<readonly ProcessHistory[]> {
    const histories: ProcessHistory[] = [{ name: 'world', killed: false, journal: own }]
    for (const child of children) {
      const { signal } = await child.exited
      histories.push({ name: child.name, killed: signal === 'SIGKILL', journal: child.journal() })
    }
    return histories
  }

  async function dispatch(eventIds: readonly string[]): Promise<void> {
    const note = (mark: Mark): void => void own.push(...eventIds.map((text) => ({ mark, text, at: Date.now() })))
    note('dispatching')
    await host.dispatchMany(eventIds.map(eventOf))
    note('accepted')
  }

  /** @throws where one does not end by itself, and well, in time. */
  async function ended(child: Child, withinMs: number, what: string): Promise<void> {
    const timer = setTimeout(() => child.kill('SIGKILL'), withinMs)
    const { code } = await child.exited
    clearTimeout(timer)
    if (code !== 0) throw new Error(`${child.name} has not ${what} within ${withinMs} ms: ${child.stderr()}`)
  }

  const drain = (withinMs: number): Promise<void> =>
    ended(start({ role: 'drain' }), withinMs, 'worked off what was left')

  async function deliveries(): Promise<readonly FinalDelivery[]> {
    const found: FinalDelivery[] = []
    for (let after: string | undefined; ; ) {
      const page = await store.deliveries.list({ orgId: ORG, limit: 200, ...(after === undefined ? {} : { after }) })
      found.push(...(await Promise.all(page.items.map(finalOf))))
      after = page.next
      if (after === undefined) return found
    }
  }

  async function finalOf(record: DeliveryRecord): Promise<FinalDelivery> {
    const { id, connectionId, messageId, eventId = '', status, attempts: attemptCount } = record
    const attempts = await store.deliveries.attempts({ orgId: ORG, id })
    return { id, path: pathOf.get(connectionId) ?? connectionId, messageId, eventId, status, attemptCount, attempts }
  }

  return {
    receiver,
    paths: [...pathOf.values()],
    store,
    site,
    start,
    dispatch,
    histories,
    drain,
    deliveries,
    async verdict(withinMs = 60_000) {
      const alive = children.filter((child) => child.alive())
      for (const child of alive) child.kill('SIGTERM')
      for (const child of alive) await ended(child, withinMs, 'ended')
      await drain(withinMs)
      return check({
        paths: [...pathOf.values()],
        processes: await histories(),
        receipts: receiver.receipts,
        deliveries: await deliveries(),
        committed: await transactions.committed(),
      })
    },
    async close() {
      for (const child of children) child.kill('SIGKILL')
      await Promise.all(children.map((child) => child.exited))
      await host.close()
      await transactions.close()
      await closeStore()
      await receiver.close()
      await place.remove()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** As the server's list of sessions names it: `<schema>_<name>`. */
function named(site: Site, name: string): Site {
  const { store } = site
  if (store.kind === 'sqlite') return site
  return { ...site, store: { ...store, pool: { ...store.pool, application_name: `${store.schema}_${name}` } } }
}
