// A store of your own: three functions over your database, here a file (support/kv.ts), and `keyValueStore` does the rest.
// The contract proves it; then a dispatcher delivers what another process has left there.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { aesGcm, createDispatcher, generateEncryptionKey, type Store } from 'signalbox'
import { keyValueStore } from 'signalbox/stores/key-value'
import { storeContract } from 'signalbox/testing'
import { webhookTransport } from 'signalbox/transports/webhook'
import { loopback } from './support/egress.ts'
import { fileKv } from './support/kv.ts'
import { startReceiver } from './support/receiver.ts'

/** What you would export: the store, which closes what it has opened. */
async function fileStore(path: string, options: { readonly sync?: boolean } = {}): Promise<Store> {
  const kv = await fileKv(path, options)
  return { ...keyValueStore({ kv, name: path, maxWrites: 1000 }), close: () => kv.close() }
}

// In your tests: one `it` for each case. Each has a database of its own.
const folder = await mkdtemp(join(tmpdir(), 'signalbox-file-'))
let files = 0
const cases = storeContract({
  create: () => fileStore(join(folder, `${files++}.log`), { sync: false }),
  // what the next process would do
  reopen: (store) => store.close().then(() => fileStore(store.name, { sync: false })),
})
for (const { name, skip, run } of cases) {
  if (skip === undefined)
    await run() // rejects, and says why, where the store breaks the contract
  else console.log(`skipped: ${name} (${skip})`)
}
console.log(`the store keeps the contract: ${cases.filter(({ skip }) => skip === undefined).length} cases`)

const receiver = await startReceiver()
const encryption = aesGcm({ keys: [{ id: 'k1', key: generateEncryptionKey() }] }) // the store is durable: secrets are sealed
async function start() {
  const store = await fileStore(join(folder, 'signalbox.log'))
  return createDispatcher({ store, transports: [webhookTransport()], encryption, egress: loopback })
}
const first = await start()
await first.connections.create({ orgId: 'org_1', transport: 'webhook', config: { url: receiver.url('/in') } })
const href = 'https://app.example.com/12'
await first.dispatch({ orgId: 'org_1', type: 'breach_logged', title: 'Breach 12', body: '', href })
await first.close() // nothing was sent yet

const second = await start()
await second.drain()
console.log(receiver.requests.map((request) => JSON.parse(request.body.toString()).type))
await second.close()
await receiver.close()
await rm(folder, { recursive: true })

// Output:
// skipped: transactions: what was enqueued is there once the host's transaction commits, and not before (needs harness.begin: no transactions of the host)
// skipped: transactions: nothing of it is there after the host's rollback, and it can be enqueued again (needs harness.begin: no transactions of the host)
// skipped: transactions: a known event is a duplicate inside a transaction too (needs harness.begin: no transactions of the host)
// the store keeps the contract: 118 cases
// [ 'breach_logged' ]
