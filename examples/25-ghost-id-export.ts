// The preset `ghost-id`: an endpoint that exports a visitor's profile, once, to a URL given ad hoc.
import { createServer } from 'node:http'
import { createDispatcher } from 'signalbox'
import { type GhostIdVisitor, ghostId } from 'signalbox/presets/ghost-id'
import { memoryStore } from 'signalbox/stores/memory'
import { loopback } from './support/egress.ts'
import { close, listen, startReceiver } from './support/receiver.ts'

const jane: GhostIdVisitor = {
  ghost_vid: 'gv_a1b2c3d4',
  score: 65,
  status: 'identified',
  identified_user_id: 'jane@example.com',
  location: { country: 'United States', city: 'Austin' },
  device: { type: 'desktop', browser: 'Chrome' },
  engagement: {
    total_sessions: 3,
    total_pageviews: 11,
    total_time_seconds: 421,
    first_seen: '2026-03-02T09:12:11.000Z',
    last_seen: '2026-03-10T17:14:22.000Z',
  },
}
const dispatcher = createDispatcher({
  store: memoryStore(),
  catalog: ghostId.catalog,
  transports: [ghostId.transport()],
  egress: loopback,
})
const api = ghostId.webhookApi({
  dispatcher,
  authorize: (request) => request.headers.get('cookie') === 'session=jane', // yours: look the session up
  loadVisitor: ({ ghostVid, siteId }) => (ghostVid === jane.ghost_vid && siteId === 4 ? jane : undefined),
})
const server = createServer(api.node)
// Express:  app.all('/api/webhook', api.node)
// Hono:     app.all('/api/webhook', (c) => api(c.req.raw))
// Next:     export { api as GET, api as POST }   in app/api/webhook/route.ts
const url = `http://127.0.0.1:${await listen(server)}/api/webhook`
const crm = await startReceiver()

async function post(body: object, cookie = 'session=jane'): Promise<void> {
  const headers = { 'content-type': 'application/json', cookie }
  const response = await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) })
  const { delivered_at: _, ...answer } = (await response.json()) as Record<string, unknown>
  console.log(response.status, answer)
}

const wanted = { ghost_vid: jane.ghost_vid, webhook_url: crm.url('/leads'), webhook_type: 'salesforce' }
await post(wanted)
console.log(JSON.parse(crm.last().body.toString()))
await post(wanted, 'session=nobody')
await post({ ...wanted, siteId: 5 })
await post({ ...wanted, webhook_url: 'https://localhost/leads' })
await post({ ...wanted, include_jorney: false })
await dispatcher.close()
await Promise.all([close(server), crm.close()])

// Output:
// 200 { success: true, ghost_vid: 'gv_a1b2c3d4', webhook_type: 'salesforce' }
// {
//   Ghost_Visitor_ID__c: 'gv_a1b2c3d4',
//   Email: 'jane@example.com',
//   City: 'Austin',
//   Country: 'United States',
//   LeadSource: 'GHOST Visitor Intelligence',
//   Ghost_Score__c: 65,
//   Ghost_Sessions__c: 3,
//   Ghost_Pageviews__c: 11
// }
// 401 {
//   success: false,
//   code: 'unauthorized',
//   error: 'A session is required'
// }
// 404 {
//   success: false,
//   code: 'not_found',
//   error: 'No such visitor',
//   field: 'ghost_vid'
// }
// 400 {
//   success: false,
//   code: 'blocked_url',
//   error: 'webhook_url: the URL is blocked: the host name is a local one',
//   field: 'webhook_url'
// }
// 400 {
//   success: false,
//   code: 'invalid_input',
//   error: 'include_jorney: is not a field of this request',
//   field: 'include_jorney'
// }
