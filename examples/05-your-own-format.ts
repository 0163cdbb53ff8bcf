// Wire formats: connections choose between Ghost's flat JSON, CloudEvents, and one of your own.
import { createDispatcher } from 'signalbox'
import { cloudEventsFormat, cutText, ghostFormat, type PayloadFormat } from 'signalbox/payloads'
import { memoryStore } from 'signalbox/stores/memory'
import { webhookTransport } from 'signalbox/transports/webhook'

/** What many chat tools take at an incoming webhook. Pure, and total over the kinds of messages. */
const textFormat: PayloadFormat = {
  name: 'text',
  build(message) {
    const text =
      message.kind === 'event'
        ? `${message.event.title}\n${message.event.href}`
        : message.kind === 'test'
          ? message.title
          : `${message.subject}\n${message.href}`
    return { contentType: 'application/json', body: JSON.stringify({ text: cutText(text, 2000) }) }
  },
}

const formats = [ghostFormat, cloudEventsFormat({ source: 'https://app.example.com' }), textFormat]
let count = 0
const dispatcher = createDispatcher({
  store: memoryStore(),
  transports: [webhookTransport({ formats })],
  ids: (prefix) => `${prefix}_${++count}`, // only to have the same output each time
})
for (const format of ['ghost', 'cloudevents', 'text']) {
  const config = { url: 'https://hooks.example.com/in', format }
  await dispatcher.connections.create({ orgId: 'org_1', transport: 'webhook', label: format, config })
}

const explained = await dispatcher.explain({
  orgId: 'org_1',
  type: 'member_joined',
  title: 'Ada joined',
  body: '',
  href: 'https://app.example.com/team',
  timestamp: '2026-11-21T09:00:00Z',
})
for (const { label, payload } of explained) console.log(label, (payload as { body: string }).body)
await dispatcher.close()

// Output:
// ghost {"type":"member_joined","title":"Ada joined","body":"","href":"https://app.example.com/team","orgName":"org_1","timestamp":"2026-11-21T09:00:00.000Z"}
// cloudevents {"specversion":"1.0","id":"msg_5","source":"https://app.example.com","type":"member_joined","time":"2026-11-21T09:00:00.000Z","datacontenttype":"application/json","data":{"id":"evt_4","orgId":"org_1","orgName":"org_1","importance":"normal","title":"Ada joined","body":"","href":"https://app.example.com/team"}}
// text {"text":"Ada joined\nhttps://app.example.com/team"}
