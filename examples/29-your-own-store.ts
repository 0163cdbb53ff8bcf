// A store of your own, over any database that can `get`, `list` in order and `commit` conditionally (see support/kv.ts).
// The contract proves it; then a dispatcher delivers over it.
import { aesGcm, createDispatcher, generateEncryptionKey, type Store } from 'signalbox'
import { storeContract } from 'signalbox/testing'
import { webhookTransport } from 'signalbox/transports/webhook'
import { loopback } from './support/egress.ts'
import { type KeyValue, kvMap } from './support/kv.ts'
import { kvStore } from './support/kv-store.ts'
import { startReceiver } from './support/receiver.ts'

const databases = new WeakMap<Store, KeyValue>()
function open(database: KeyValue): Store {
  const store = kvStore(database)
  databases.set(store, database)
  return store
}

// In your tests: one `it` for each case. Each has a database of its own.
const cases = storeContract({
  create: async () => open(kvMap()),
  // what the next process would do: nothing may be left in the store itself
  reopen: async (store) => open(databases.get(store) ?? kvMap()),
})
let kept = 0
for (const { name, skip, run } of cases) {
  if (skip !== undefined) {
    console.log(`skipped: ${name} (${skip})`)
    continue
  }
  await run() // rejects, and says why, where the store breaks the contract
  kept++
}
console.log(`the store keeps the contract: ${kept} cases`)

const receiver = await startReceiver()
const dispatcher = createDispatcher({
  store: kvStore(kvMap()),
  transports: [webhookTransport()],
  encryption: aesGcm({ keys: [{ id: 'k1', key: generateEncryptionKey() }] }), // the store is durable: secrets are sealed
  egress: loopback,
})
await dispatcher.connections.create({ orgId: 'org_1', transport: 'webhook', config: { url: receiver.url('/in') } })
const event = {
  orgId: 'org_1',
  type: 'breach_logged',
  title: 'Breach 12',
  body: '',
  href: 'https://app.example.com/12',
}
await dispatcher.dispatch(event)
await dispatcher.drain()
console.log(receiver.requests.map((request) => JSON.parse(request.body.toString()).type))
await dispatcher.close()
await receiver.close()

// Output:
// skipped: transactions: what was enqueued is there once the host's transaction commits, and not before (needs harness.begin: no transactions of the host)
// skipped: transactions: nothing of it is there after the host's rollback, and it can be enqueued again (needs harness.begin: no transactions of the host)
// skipped: transactions: a known event is a duplicate inside a transaction too (needs harness.begin: no transactions of the host)
// the store keeps the contract: 117 cases
// [ 'breach_logged' ]
