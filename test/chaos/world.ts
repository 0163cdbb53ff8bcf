import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Store } from '../../src/contracts/store.ts'
import type { FinalDelivery, ProcessHistory } from './check.ts'
import { type Child, type ChildOptions, startChild } from './process.ts'
import { type ChaosReceiver, type ReceiverOptions, startChaosReceiver } from './receiver.ts'
import { ORG, openDispatcher, openStore } from './settings.ts'

/** A receiver, one SQLite file with its connections, and the processes that share it. */
export interface World {
  readonly receiver: ChaosReceiver
  readonly paths: readonly string[]
  readonly store: Store
  start(options: Pick<ChildOptions, 'role'> & Partial<ChildOptions>): Child
  /** Those started so far; `killed`: SIGKILL ended them. */
  histories(): Promise<readonly ProcessHistory[]>
  /** A last process works off everything that is left. @throws when that takes longer than `withinMs` */
  drain(withinMs: number): Promise<void>
  deliveries(): Promise<readonly FinalDelivery[]>
  close(): Promise<void>
}

const CONNECTIONS = 4

export async function createWorld(answers: ReceiverOptions): Promise<World> {
  const folder = mkdtempSync(join(tmpdir(), 'signalbox-chaos-'))
  const path = join(folder, 'signalbox.db')
  const receiver = await startChaosReceiver(answers)
  const store = openStore(path)
  const dispatcher = openDispatcher(store)
  const pathOf = new Map<string, string>()
  for (let n = 0; n < CONNECTIONS; n++) {
    const { connection, secret } = await dispatcher.connections.create({
      orgId: ORG,
      transport: 'webhook',
      config: { url: `${receiver.origin}/${n}` },
    })
    pathOf.set(connection.id, `/${n}`)
    if (secret !== undefined) receiver.setSecret(`/${n}`, secret)
  }
  await dispatcher.close()
  const children: Child[] = []

  function start(options: Pick<ChildOptions, 'role'> & Partial<ChildOptions>): Child {
    const name = `p${children.length}`
    const journal = join(folder, `${name}.journal`)
    const defaults = { name, path, journal, again: [], turns: Number.MAX_SAFE_INTEGER, pauseMs: 8, graceMs: 10_000 }
    const child = startChild({ ...defaults, ...options })
    children.push(child)
    return child
  }

  return {
    receiver,
    paths: [...pathOf.values()],
    store,
    start,
    histories: () =>
      Promise.all(
        children.map(async (child) => ({
          name: child.name,
          killed: (await child.exited).signal === 'SIGKILL',
          journal: child.journal(),
        })),
      ),
    async drain(withinMs) {
      const child = start({ role: 'drain' })
      const timer = setTimeout(() => child.kill('SIGKILL'), withinMs)
      const { code } = await child.exited
      clearTimeout(timer)
      if (code !== 0) throw new Error(`not everything was worked off within ${withinMs} ms: ${child.stderr()}`)
    },
    async deliveries() {
      const found: FinalDelivery[] = []
      for (let after: string | undefined; ; ) {
        const page = await store.deliveries.list({ orgId: ORG, limit: 1000, ...(after === undefined ? {} : { after }) })
        for (const { id, connectionId, messageId, eventId = '', status, attempts: attemptCount } of page.items) {
          const attempts = await store.deliveries.attempts({ orgId: ORG, id })
          const path = pathOf.get(connectionId) ?? connectionId
          found.push({ id, path, messageId, eventId, status, attemptCount, attempts })
        }
        after = page.next
        if (after === undefined) return found
      }
    },
    async close() {
      for (const child of children) child.kill('SIGKILL')
      await Promise.all(children.map((child) => child.exited))
      await store.close()
      await receiver.close()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
