// "Connect Slack": a person approves, picks a channel, and events arrive there. A Slack on this machine plays Slack.
import { createDispatcher, generateEncryptionKey } from 'signalbox'
import { undiciHttp } from 'signalbox/http'
import { oauthStates, slackOAuth, storedTokens } from 'signalbox/oauth'
import { memoryStore } from 'signalbox/stores/memory'
import { slackFake } from 'signalbox/testing/msw'
import { slackTransport } from 'signalbox/transports/slack'

const channels = ['alerts', 'breaches'].map((name) => ({ id: `C-${name}`, name }))
const fake = slackFake({ team: { id: 'T1', name: 'Acme' }, channels })
const here = await fake.listen()
const http = undiciHttp(here.egress) // `http` and the spreads of `here` only lead to the fake: leave them out

// clientId, clientSecret and redirectUri of your Slack app; `channels:read` is for `connections.channels` below
const scopes = ['chat:write', 'incoming-webhook', 'channels:read']
const slack = slackOAuth({ ...here.oauth, scopes, http })
const store = memoryStore()
const dispatcher = createDispatcher({
  store,
  http,
  transports: [slackTransport(here.options)],
  tokens: storedTokens({ providers: [slack] }),
})
const states = oauthStates({ store, key: generateEncryptionKey() }) // the same key in all processes

// GET /connect/slack: send the browser to Slack, with a cookie that only this browser has.
const issued = states.issue({ orgId: 'org_1', provider: 'slack' })
const [location, cookie] = [slack.authorizeUrl(issued), states.cookie(issued.nonce)]
console.log('302', location.split('?')[0], '·', cookie.replace(/=[^;]+/, '=…'))

// The person picks #breaches and approves. GET /oauth/slack: back here with a code.
const back = fake.approve(location, { channelId: 'C-breaches' })
const { orgId } = await states.consume({ state: back.state, nonce: states.nonceOf(cookie) })
const grant = await slack.exchange(back.code)
const { connection } = await dispatcher.connections.connect({ orgId, transport: 'slack', grant })
console.log(connection.status, connection.destination, '· sealed:', connection.secretFields)

// A second channel of the same workspace: with the same credential, so nobody has to approve again.
const { credentialId } = connection
const places = await dispatcher.connections.channels({ orgId, id: connection.id })
const chosen = places.filter(({ name }) => name === 'alerts') // by the settings page
for (const { config } of chosen)
  await dispatcher.connections.create({ orgId, transport: 'slack', credentialId, config })

const href = 'https://app.example.com/breaches/7'
const event = { orgId, type: 'breach_logged', title: 'Breach logged', body: 'A laptop was lost.', href }
await dispatcher.dispatch(event, { wait: true })
console.log(fake.received.map(({ channelName, text }) => `#${channelName}: ${text}`).sort())

// Disconnect: with the last connection that uses it, the grant is erased here and revoked at Slack.
for (const { id } of (await dispatcher.connections.list({ orgId })).items) {
  await dispatcher.connections.delete({ orgId, id })
  console.log('revoked:', fake.requests.at(-1)?.operation === 'auth.revoke')
}
await dispatcher.close()
await http.close()
await here.close()

// Output:
// 302 https://slack.com/oauth/v2/authorize · __Host-signalbox-oauth=…; Path=/; Max-Age=600; HttpOnly; Secure; SameSite=Lax
// active Acme · #breaches · sealed: [ 'webhookUrl' ]
// [
//   '#alerts: Breach logged\nA laptop was lost.',
//   '#breaches: Breach logged\nA laptop was lost.'
// ]
// revoked: false
// revoked: true
