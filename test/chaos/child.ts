/** One process of the crash suite: dispatches, works, or both, until it is killed. Started by `process.ts`. */
import { setTimeout as pause } from 'node:timers/promises'
import type { Logger } from '../../src/contracts/clock.ts'
import type { Store } from '../../src/contracts/store.ts'
import type { Dispatcher } from '../../src/dispatcher-api.ts'
import { isSignalboxError } from '../../src/errors.ts'
import { type Note, openJournal } from './journal.ts'
import type { ChildOptions } from './process.ts'
import { eventOf, openDispatcher, openStore } from './settings.ts'

const options: ChildOptions = JSON.parse(process.argv[2] ?? '')
const note = openJournal(options.journal)
const store = openStore(options.path)
const dispatcher = openDispatcher(journaled(store, note), journalLogger(note))

// nobody is left who would end this process
process.stdin.resume().on('end', () => process.exit(3))
process.on('SIGTERM', async () => {
  await dispatcher.close({ graceMs: options.graceMs })
  await store.close()
  process.exit(0)
})

if (options.role === 'drain') {
  await drain(dispatcher)
  await dispatcher.close()
  await store.close()
  process.exit(0)
}
await dispatcher.start()
process.stdout.write('ready\n')
if (options.role === 'dispatch') await dispatchUntilClosed()

async function dispatchUntilClosed(): Promise<void> {
  // what a host does that can't know whether its last calls went through
  let open = (await Promise.all(options.again.map((id) => dispatch([id])))).every(Boolean)
  for (let turn = 0; open && turn < options.turns; turn++) {
    const ids = [0, 1, 2].map((n) => `${options.name}-${turn}-${n}`)
    if (turn % 8 === 0) open = await dispatch(ids, 'together')
    else if (turn % 8 === 1) void dispatch(ids.slice(0, 1), 'wait')
    else open = (await Promise.all(ids.map((id) => dispatch([id])))).every(Boolean)
    await pause(options.pauseMs)
  }
}

/** Answers whether the dispatcher is still open. */
async function dispatch(ids: readonly string[], how?: 'together' | 'wait'): Promise<boolean> {
  note('dispatching', ...ids)
  try {
    const results =
      how === 'together'
        ? await dispatcher.dispatchMany(ids.map(eventOf))
        : await Promise.all(ids.map((id) => dispatcher.dispatch(eventOf(id), { wait: how === 'wait', waitMs: 200 })))
    for (const { eventId, duplicate } of results) note(duplicate ? 'known' : 'accepted', eventId)
    return true
  } catch (error) {
    note('refused', ...ids)
    if (isSignalboxError(error, 'closed')) return false
    note('error', `dispatch: ${describe(error)}`)
    return true
  }
}

/** Works until nothing is pending: neither due now, nor later, nor leased by a process that died. */
async function drain(dispatcher: Dispatcher): Promise<void> {
  for (;;) {
    await dispatcher.drain()
    const { nextDueAt } = await dispatcher.tick({ budgetMs: 1 })
    if (nextDueAt === null) return
    await pause(Math.max(5, nextDueAt - Date.now()))
  }
}

/** The store, telling the journal which deliveries this process holds. */
function journaled(store: Store, note: Note): Store {
  const { deliveries } = store
  return {
    ...store,
    deliveries: {
      ...deliveries,
      async claim(request) {
        const result = await deliveries.claim(request)
        note('claimed', ...result.deliveries.map((one) => one.id))
        return result
      },
      async settle(settlements) {
        const result = await deliveries.settle(settlements)
        note('lost', ...result.stale)
        note('settled', ...settlements.map((one) => one.deliveryId))
        return result
      },
      async release(leases) {
        await deliveries.release(leases)
        note('settled', ...leases.map((one) => one.deliveryId))
      },
    },
  }
}

function journalLogger(note: Note): Logger {
  const silent = (): void => undefined
  return {
    debug: silent,
    info: silent,
    warn: silent,
    error: ({ error }, message) => note('error', `${message}: ${describe(error)}`),
  }
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return JSON.stringify(error)
  const cause = error.cause === undefined ? '' : `: ${describe(error.cause)}`
  return `${error.message}${cause}`.replaceAll('\n', ' ')
}
