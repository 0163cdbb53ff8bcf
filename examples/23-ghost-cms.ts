// Webhooks as Ghost CMS sends them: one event and one target URL a hook, the changed fields beside the current ones.
import { createDispatcher, isSignalboxError } from 'signalbox'
import { ghostCms } from 'signalbox/presets/ghost-cms'
import { ghostCmsSignature } from 'signalbox/signing'
import { memoryStore } from 'signalbox/stores/memory'
import { webhookTransport } from 'signalbox/transports/webhook'
import { loopback } from './support/egress.ts'
import { startReceiver } from './support/receiver.ts'

const receiver = await startReceiver()
const dispatcher = createDispatcher({
  store: memoryStore(),
  catalog: ghostCms.catalogFor({ siteUrl: 'https://blog.example.com/' }),
  transports: [webhookTransport(ghostCms.webhook)],
  egress: loopback,
})

// No label, and a secret only where requests are to be signed.
const build = { orgId: 'org_1', event: 'post.published', targetUrl: receiver.url('/build'), secret: 'shared' } as const
await dispatcher.connections.create(ghostCms.connection(build))
const cache = { orgId: 'org_1', event: 'site.changed', targetUrl: receiver.url('/cache') } as const
await dispatcher.connections.create(ghostCms.connection(cache))
const again = dispatcher.connections.create(ghostCms.connection(build))
console.log('the same again:', await again.catch((error) => isSignalboxError(error, 'conflict') && error.code))

// Two versions in, the shape of Ghost out. Fields that it does not know are sent as they are.
const draft = { id: '6682b8a8e10cc04306284330', title: 'Hello', status: 'draft', mood: 'good' } as const
const post = { ...draft, status: 'published', url: 'https://blog.example.com/hello/' } as const
const metadata = ghostCms.change.edited(draft, post)
await dispatcher.dispatch({ orgId: 'org_1', type: 'post.published', metadata }, { wait: true })
const { headers, body } = receiver.last()
console.log(body.toString())
console.log('verified:', ghostCmsSignature().verify({ headers, body, secrets: ['shared'] }).ok)

await dispatcher.dispatch({ orgId: 'org_1', type: 'site.changed' }, { wait: true })
console.log(receiver.last().body.toString(), receiver.last().headers['x-ghost-signature'] ?? 'unsigned')

// What the same event says in Slack or Teams follows from it.
const { title, body: text, href } = ghostCms.categories.post.events['post.published'].summary(metadata)
console.log({ title, text, href })

// For the tests of a receiver: what goes on the wire, without a dispatcher.
console.log(ghostCms.request({ event: 'post.deleted', ...ghostCms.change.deleted(draft), secret: 'k', sentAt: 0 }))
await dispatcher.close()
await receiver.close()

// Output:
// the same again: conflict
// {"event":"post.published","post":{"current":{"id":"6682b8a8e10cc04306284330","title":"Hello","status":"published","mood":"good","url":"https://blog.example.com/hello/"},"previous":{"status":"draft"}}}
// verified: true
// {"event":"site.changed"} unsigned
// {
//   title: 'Post published: Hello',
//   text: 'Changed: status',
//   href: 'https://blog.example.com/hello/'
// }
// {
//   headers: {
//     'Content-Type': 'application/json',
//     'Content-Version': 'v6.65',
//     'X-Ghost-Signature': 'sha256=3889cd5cf0494a4874920600a7ec3247a2dd007284d1a4812f76fe4eccb2bdff, t=0'
//   },
//   body: '{"event":"post.deleted","post":{"current":{},"previous":{"id":"6682b8a8e10cc04306284330","title":"Hello","status":"draft","mood":"good"}}}'
// }
