// An engine of your own: what calls the dispatcher when there is work. The contract proves it; then it delivers.
import { createDispatcher, type Engine } from 'signalbox'
import { memoryStore } from 'signalbox/stores/memory'
import { engineContract, fakeClock } from 'signalbox/testing'
import { webhookTransport } from 'signalbox/transports/webhook'
import { loopback } from './support/egress.ts'
import { intervalEngine } from './support/interval-engine.ts'
import { startReceiver } from './support/receiver.ts'

const clock = fakeClock() // the cases move it: nothing waits
const logger = console

function attached(everyMs: number): Engine {
  const engine = intervalEngine({ everyMs })
  engine.attach?.({ clock, logger, random: Math.random }) // as `createDispatcher` does
  return engine
}

const cases = engineContract({
  shared: false, // what it is told stays in the process; others find it within `everyMs`
  clock,
  open: async ({ sweepMs }) => ({ engine: () => attached(sweepMs), close: async () => {} }),
})
let kept = 0
const skipped = new Map<string, number>()
for (const { skip, run } of cases) {
  if (skip !== undefined) {
    skipped.set(skip, (skipped.get(skip) ?? 0) + 1)
    continue
  }
  await run() // rejects, and says why, where the engine breaks the contract
  kept++
}
console.log(`the engine keeps the contract: ${kept} cases`)
for (const [reason, count] of skipped) console.log(`skipped ${count}: ${reason}`)

const receiver = await startReceiver()
const dispatcher = createDispatcher({
  store: memoryStore(),
  engine: intervalEngine({ everyMs: 1000 }),
  transports: [webhookTransport()],
  egress: loopback,
})
await dispatcher.start()
await dispatcher.connections.create({ orgId: 'org_1', transport: 'webhook', config: { url: receiver.url('/in') } })
const event = {
  orgId: 'org_1',
  type: 'breach_logged',
  title: 'Breach 12',
  body: '',
  href: 'https://app.example.com/12',
}
const settled = new Promise((resolve) => dispatcher.on('delivery.delivered', resolve))
await dispatcher.dispatch(event)
await settled
console.log(receiver.requests.map((request) => JSON.parse(request.body.toString()).type))
await dispatcher.close()
await receiver.close()

// Output:
// the engine keeps the contract: 19 cases
// skipped 10: needs harness.shared: wake-ups stay in the process
// [ 'breach_logged' ]
