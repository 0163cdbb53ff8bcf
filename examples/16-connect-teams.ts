// "Connect Teams": Microsoft wants PKCE, and approving chooses no channel. Until one is chosen, nothing is delivered.
import { createDispatcher, generateEncryptionKey } from 'signalbox'
import { undiciHttp } from 'signalbox/http'
import { microsoftOAuth, oauthStates, storedTokens } from 'signalbox/oauth'
import { memoryStore } from 'signalbox/stores/memory'
import { teamsFake } from 'signalbox/testing/msw'
import { teamsTransport } from 'signalbox/transports/teams'
import { teamsPreview } from './support/preview.ts'

const general = { id: '19:general@thread.tacv2', displayName: 'General' }
const breaches = { id: '19:breaches@thread.tacv2', displayName: 'Breaches' }
const fake = teamsFake({ teams: [{ id: 'team-1', displayName: 'Privacy', channels: [general, breaches] }] })
const here = await fake.listen()
const http = undiciHttp(here.egress) // `http` and the spreads of `here` only lead to the fake: leave them out

const microsoft = microsoftOAuth({ ...here.oauth, http }) // clientId, clientSecret and redirectUri of your app in Entra
const store = memoryStore()
const dispatcher = createDispatcher({
  store,
  http,
  transports: [teamsTransport(here.options)],
  tokens: storedTokens({ providers: [microsoft] }),
})
const states = oauthStates({ store, key: generateEncryptionKey() })

// There and back: `codeChallenge` goes to Microsoft with the browser, `codeVerifier` with the code. Neither is stored.
const issued = states.issue({ orgId: 'org_1', provider: 'microsoft' })
const back = fake.approve(microsoft.authorizeUrl(issued))
const { orgId, codeVerifier } = await states.consume({ state: back.state, nonce: issued.nonce })
const grant = await microsoft.exchange(back.code, { codeVerifier })
const { connection } = await dispatcher.connections.connect({ orgId, transport: 'teams', grant })
const call = { orgId, id: connection.id }
console.log(`${connection.status}: ${connection.reason?.text}`)

const href = 'https://app.example.com/breaches/7'
const event = { orgId, type: 'breach_logged', title: 'Breach logged', body: 'A laptop was lost.', href }
console.log('deliveries before:', (await dispatcher.dispatch(event, { wait: true })).deliveries.length)

// The settings page offers what the account can post to, and stores the choice.
const places = await dispatcher.connections.channels(call)
console.log(places.map(({ group, name }) => `${group?.name} · ${name}`))
const chosen = await dispatcher.connections.update({ ...call, config: places[1]?.config })
console.log(chosen.status, chosen.destination)

const { deliveries } = await dispatcher.dispatch(event, { wait: true })
console.log('deliveries after:', deliveries.length)
console.log(fake.received.map(teamsPreview).join('\n'))
await dispatcher.close()
await http.close()
await here.close()

// Output:
// incomplete: Still missing: a team, a channel
// deliveries before: 0
// [ 'Privacy · General', 'Privacy · Breaches' ]
// active Privacy › Breaches
// deliveries after: 1
// ┌ Teams · Breaches ──────────────────┐
// │ Breach logged                      │
// │ A laptop was lost.                 │
// │ org_1                              │
// │ [ Open ] /breaches/7               │
// └────────────────────────────────────┘
