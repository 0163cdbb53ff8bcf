// The same event twice: by its id, and by a window in which one is enough.
import { createDispatcher } from 'signalbox'
import { memoryStore } from 'signalbox/stores/memory'
import { fakeClock } from 'signalbox/testing'
import { webhookTransport } from 'signalbox/transports/webhook'
import { loopback } from './support/egress.ts'
import { startReceiver } from './support/receiver.ts'

const clock = fakeClock({ now: Date.UTC(2026, 10, 21, 9) }) // hours pass at once; in production leave it out
const receiver = await startReceiver()
const dispatcher = createDispatcher({ clock, store: memoryStore(), transports: [webhookTransport()], egress: loopback })
await dispatcher.connections.create({ orgId: 'org_1', transport: 'webhook', config: { url: receiver.url('/in') } })

const event = { orgId: 'org_1', title: 'Disk almost full', body: '', href: 'https://app.example.com/disks/1' }

// A job that is run again after a crash names the event: `(orgId, id)` is one event.
const named = { ...event, id: 'disk-1-2026-11-21', type: 'disk_report' }
console.log((await dispatcher.dispatch(named)).duplicate, (await dispatcher.dispatch(named)).duplicate)

// A monitor that fires each minute, for two hours: one event an hour is enough.
const alarm = { ...event, type: 'disk_full' }
const dedupe = { key: 'disk-1', everyMs: 3_600_000 }
for (let minute = 0; minute < 120; minute++) {
  await dispatcher.dispatch(alarm, { dedupe })
  await clock.advance(60_000)
}

// All or none: a bad event among many refuses the call, and nothing of it is stored.
await dispatcher
  .dispatchMany([alarm, { ...alarm, href: '/disks/1' }])
  .catch((error: Error) => console.log(error.message))

await dispatcher.drain()
console.log(receiver.requests.map((request) => JSON.parse(request.body.toString()).type))
await dispatcher.close()
await receiver.close()

// Output:
// false true
// events[1].href: must be an absolute http or https URL
// [ 'disk_report', 'disk_full', 'disk_full' ]
