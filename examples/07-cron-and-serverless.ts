// No worker: the web process only dispatches, and a scheduled job works off what is due.
import { createDispatcher } from 'signalbox'
import { sqliteStore } from 'signalbox/stores/sqlite'
import { webhookTransport } from 'signalbox/transports/webhook'
import { loopback } from './support/egress.ts'
import { startReceiver } from './support/receiver.ts'
import { temporaryFolder } from './support/temporary.ts'

const folder = temporaryFolder()
const receiver = await startReceiver((request, nth) => ({ status: request.path === '/busy' && nth === 1 ? 503 : 204 }))

/** What each process does: open, use, close. */
async function withDispatcher<T>(use: (dispatcher: ReturnType<typeof open>['dispatcher']) => Promise<T>): Promise<T> {
  const { dispatcher, store } = open()
  try {
    return await use(dispatcher)
  } finally {
    await dispatcher.close()
    await store.close()
  }
}

function open() {
  const store = sqliteStore({ path: folder.file('signalbox.db') })
  const transports = [webhookTransport({ retry: { delaysMs: [500], jitter: 0 } })]
  return { store, dispatcher: createDispatcher({ store, transports, encryption: false, egress: loopback }) }
}

await withDispatcher(async ({ connections, dispatch }) => {
  for (const path of ['/in', '/busy']) {
    await connections.create({ orgId: 'org_1', transport: 'webhook', config: { url: receiver.url(path) } })
  }
  const href = 'https://app.example.com/tasks/1'
  await dispatch({ orgId: 'org_1', type: 'task_overdue', title: 'Task overdue', body: '', href })
})

/** The scheduled job. `budgetMs` ends it in time for the platform's own limit. */
async function job(): Promise<number | null> {
  const { nextDueAt, ...counts } = await withDispatcher((dispatcher) => dispatcher.tick({ budgetMs: 5_000 }))
  console.log(counts, nextDueAt === null ? 'nothing left' : 'more to come')
  return nextDueAt
}

for (let dueAt = await job(); dueAt !== null; dueAt = await job()) {
  await new Promise((resolve) => setTimeout(resolve, Math.max(0, dueAt - Date.now())))
}
await receiver.close()
folder.remove()

// Output:
// { delivered: 1, retried: 1, failed: 0 } more to come
// { delivered: 1, retried: 0, failed: 0 } nothing left
