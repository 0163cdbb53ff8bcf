// Quiet hours put off and drop nothing; what is urgent passes. Who is on call hears of high importance and above only.
import { createDispatcher } from 'signalbox'
import { memoryStore } from 'signalbox/stores/memory'
import { createRecorder, fakeClock } from 'signalbox/testing'

const clock = fakeClock({ now: Date.UTC(2026, 2, 28, 22, 30) }) // Saturday 22:30 in Dublin; in production leave it out
const recorder = createRecorder() // stands for any transport: nothing is sent
const dispatcher = createDispatcher({ clock, store: memoryStore(), transports: [recorder.transport()] })

const shared = { orgId: 'org_1', transport: 'recorder', config: {} } as const
const nights = { days: [0, 1, 2, 3, 4, 5, 6], from: '22:00', to: '07:00' }
const quietHours = { timeZone: 'Europe/Dublin', intervals: [nights] }
await dispatcher.connections.create({ ...shared, id: '1-team', label: 'Team', quietHours })
await dispatcher.connections.create({ ...shared, id: '2-on-call', label: 'On call', minImportance: 'high' })

const event = { orgId: 'org_1', type: 'disk', body: '', href: 'https://app.example.com/disks/1' }
for (const { label, decision, reason } of await dispatcher.explain({ ...event, title: 'Disk 80 % full' })) {
  console.log(`${label}: ${decision}, ${reason}`)
}

await dispatcher.dispatch({ ...event, title: 'Disk 80 % full' })
await dispatcher.dispatch({ ...event, title: 'Disk 90 % full', importance: 'high' })
await dispatcher.dispatch({ ...event, title: 'Disk full', importance: 'urgent' })
await report()

// Clocks go forward that night: seven o'clock in Dublin is six in UTC.
const { nextDueAt } = await dispatcher.tick()
clock.set(nextDueAt ?? 0)
await report()
await dispatcher.close()

async function report(): Promise<void> {
  await dispatcher.drain() // in production `start` does it
  console.log(new Date(clock.now()).toUTCString().slice(0, 22), 'in UTC')
  for (const { connection, message } of recorder.sent) {
    console.log(`  ${connection.label}:`, message.kind === 'event' && message.event.title)
  }
  recorder.reset()
}

// Output:
// Team: sent, it wants every event; it waits for the end of the quiet hours
// On call: skipped, it wants events of importance 'high' and above
// Sat, 28 Mar 2026 22:30 in UTC
//   Team: Disk full
//   On call: Disk 90 % full
//   On call: Disk full
// Sun, 29 Mar 2026 06:00 in UTC
//   Team: Disk 80 % full
//   Team: Disk 90 % full
