// Secrets are sealed before they reach the file, and sealed anew when the key changes.
import { readFileSync } from 'node:fs'
import { type AesGcmKey, aesGcm, createDispatcher, generateEncryptionKey } from 'signalbox'
import { ghostSignature } from 'signalbox/signing'
import { sqliteStore } from 'signalbox/stores/sqlite'
import { webhookTransport } from 'signalbox/transports/webhook'
import { loopback } from './support/egress.ts'
import { startReceiver } from './support/receiver.ts'
import { temporaryFolder } from './support/temporary.ts'

const folder = temporaryFolder()
const path = folder.file('signalbox.db')
const receiver = await startReceiver()

/** A process that has these keys: the first seals, all of them open. */
function open(keys: readonly AesGcmKey[]) {
  const store = sqliteStore({ path })
  const encryption = aesGcm({ keys })
  const dispatcher = createDispatcher({ store, encryption, transports: [webhookTransport()], egress: loopback })
  return { dispatcher, close: () => dispatcher.close().then(store.close) }
}

// From the host's configuration, never from the database.
const keyOf2026 = { id: '2026', key: generateEncryptionKey() }
const keyOf2027 = { id: '2027', key: generateEncryptionKey() }

const first = open([keyOf2026])
const { connection, secret = '' } = await first.dispatcher.connections.create({
  orgId: 'org_1',
  transport: 'webhook',
  config: { url: receiver.url('/in'), headers: { 'x-api-key': 'k-4711' } },
})
await first.close()
const stored = readFileSync(path, 'latin1')
console.log('in the file: secret', stored.includes(secret), '· header', stored.includes('k-4711'))

const second = open([keyOf2027, keyOf2026])
const { remaining } = await second.dispatcher.rekey({ limit: 1000 })
console.log('left to seal anew', remaining)
await second.close()

const third = open([keyOf2027])
const call = { orgId: 'org_1', id: connection.id, href: 'https://app.example.com/settings' }
const { ok } = await third.dispatcher.connections.test(call)
const { headers, body } = receiver.last()
console.log(
  'old key dropped: sent',
  ok,
  '· signed as before',
  ghostSignature().verify({ headers, body, secrets: [secret] }).ok,
)
console.log('header', headers['x-api-key'])
await third.close()
await receiver.close()
folder.remove()

// Output:
// in the file: secret false · header false
// left to seal anew 0
// old key dropped: sent true · signed as before true
// header k-4711
