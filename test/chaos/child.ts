/** One process of the crash suite: dispatches, works, or both, until it is killed. Started by `process.ts`. */
import { setTimeout as pause } from 'node:timers/promises'
import type { Logger } from '../../src/contracts/clock.ts'
import type { Store } from '../../src/contracts/store.ts'
import type { Dispatcher } from '../../src/dispatcher-api.ts'
import { isSignalboxError } from '../../src/errors.ts'
import { openHostTransactions } from './host-transactions.ts'
import { type Note, openJournal } from './journal.ts'
import type { ChildOptions } from './process.ts'
import { eventOf, joins } from './settings.ts'
import { openDispatcher, openStore } from './site.ts'

const options: ChildOptions = JSON.parse(process.argv[2] ?? '')
const note = openJournal(options.journal)
const { store, close: closeStore } = openStore(options.site.store)
const dispatcher = openDispatcher(options.site, journaled(store, note), journalLogger(note))
const host = openHostTransactions(options.site.store, dispatcher)

/** After an error the next rounds of dispatches begin so much later, in ms: the store may be away for a while. */
const ERROR_PAUSE_MS = 100

async function end(): Promise<void> {
  await dispatcher.close({ graceMs: options.graceMs })
  await host.close()
  await closeStore()
  process.exit(0)
}

// nobody is left who would end this process
process.stdin.resume().on('end', () => process.exit(3))
process.on('SIGTERM', end)

if (options.role === 'drain') {
  await drain(dispatcher)
  await end()
}
if (options.role !== 'host') await dispatcher.start()
process.stdout.write('ready\n')
if (options.role !== 'work') await dispatchUntilClosed()

async function dispatchUntilClosed(): Promise<void> {
  // what a host does that can't know whether its last calls went through
  let again = options.again
  for (let turn = 0; turn < options.turns; turn++) {
    const ids = [0, 1, 2].map((n) => `${options.name}-${turn}-${n}`)
    const calls = again.map((id) => (joins(id) ? join(id, 'COMMIT') : dispatch([id])))
    if (turn % 8 === 0) calls.push(dispatch(ids, 'together'))
    else if (turn % 8 === 1) void dispatch(ids.slice(0, 1), 'wait')
    else if (turn % 8 === 2) calls.push(...ids.map((id, n) => join(`${id}-tx`, n < 2 ? 'COMMIT' : 'ROLLBACK')))
    else calls.push(...ids.map((id) => dispatch([id])))
    const answers = await Promise.all(calls)
    if (answers.includes('closed')) return
    again = answers.flatMap((answer) => (answer === 'closed' ? [] : answer))
    await pause(again.length > 0 ? ERROR_PAUSE_MS : options.pauseMs)
  }
}

type Answer = readonly string[] | 'closed'

async function dispatch(ids: readonly string[], how?: 'together' | 'wait'): Promise<Answer> {
  note('dispatching', ids)
  return answerOf(ids, async () => {
    const results =
      how === 'together'
        ? await dispatcher.dispatchMany(ids.map(eventOf))
        : await Promise.all(ids.map((id) => dispatcher.dispatch(eventOf(id), { wait: how === 'wait', waitMs: 200 })))
    for (const { eventId, duplicate } of results) note(duplicate ? 'known' : 'accepted', [eventId])
  })
}

/** In a transaction of the host. */
async function join(id: string, end: 'COMMIT' | 'ROLLBACK'): Promise<Answer> {
  note('dispatching', [id])
  note('joining', [id])
  const answer = await answerOf([id], async () => {
    const known = await host.dispatch(id, end)
    if (end === 'ROLLBACK') note('refused', [id])
    else note(known ? 'known' : 'accepted', [id])
  })
  // what was to be rolled back is not asked for again
  return end === 'ROLLBACK' && answer !== 'closed' ? [] : answer
}

/** Answers the events whose fate is unknown: the store failed. */
async function answerOf(ids: readonly string[], call: () => Promise<void>): Promise<Answer> {
  try {
    await call()
    return []
  } catch (error) {
    if (isSignalboxError(error, 'closed')) {
      note('refused', ids)
      return 'closed'
    }
    note('error', [`dispatch: ${describe(error)}`])
    return ids
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
        const ids = result.deliveries.map((one) => one.id)
        note('claimed', ids, request.now)
        return result
      },
      async settle(settlements) {
        const ids = settlements.map((one) => one.deliveryId)
        const result = await telling(ids, () => deliveries.settle(settlements))
        note('lost', result.stale)
        note('settled', ids)
        return result
      },
      async release(leases) {
        const ids = leases.map((one) => one.deliveryId)
        await telling(ids, () => deliveries.release(leases))
        note('released', ids)
      },
    },
  }

  /** What fails may have been written all the same, or not. */
  async function telling<T>(ids: readonly string[], write: () => Promise<T>): Promise<T> {
    try {
      return await write()
    } catch (error) {
      note('unwritten', ids)
      throw error
    }
  }
}

function journalLogger(note: Note): Logger {
  const silent = (): void => undefined
  return {
    debug: silent,
    info: silent,
    warn: silent,
    error: ({ error }, message) => note('error', [`${message}: ${describe(error)}`]),
  }
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return JSON.stringify(error)
  const cause = error.cause === undefined ? '' : `: ${describe(error.cause)}`
  return `${error.message}${cause}`.replaceAll('\n', ' ')
}
