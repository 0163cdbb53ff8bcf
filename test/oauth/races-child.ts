/** One process of the races: sends with a token that rotates, as its parent tells it. Started by `races.test.ts`. */
import type { Clock } from '../../src/contracts/clock.ts'
import type { OAuthProvider } from '../../src/contracts/oauth.ts'
import { undiciHttp } from '../../src/http/index.ts'
import { aesGcm } from '../../src/index.ts'
import { slackOAuth, storedTokens } from '../../src/oauth/index.ts'
import { systemClock } from '../../src/runtime/clock.ts'
import { createIds } from '../../src/runtime/ids.ts'
import { sqliteStore } from '../../src/stores/sqlite.ts'
import { LOOPBACK } from '../support/receiver.ts'

export interface ChildOptions {
  readonly path: string
  /** Of the provider on loopback. */
  readonly url: string
  /** Sends at once. */
  readonly sends: number
  /** Tells that the provider has answered a refresh, and then does nothing more with the answer. */
  readonly stopAfterAnswer?: boolean
}

/** Send, `afterMs` from now, with a clock that is `aheadMs` ahead. */
export interface Order {
  readonly afterMs: number
  readonly aheadMs: number
}

/** `ready`, `answered`, or how the sends went. */
export type Report = 'ready' | 'answered' | readonly string[]

const options: ChildOptions = JSON.parse(process.argv[2] ?? '')
const report = (message: Report): void => void process.send?.(message)

let aheadMs = 0
const system = systemClock()
const clock: Clock = {
  now: () => system.now() + aheadMs,
  setTimer: (at, fn) => system.setTimer(at - aheadMs, fn),
}
const store = sqliteStore({ path: options.path })
const http = undiciHttp({ ...LOOPBACK, clock })
const signal = new AbortController().signal
const silent = (): void => undefined
const tokens = storedTokens({ providers: [provider()] }).attach({
  store,
  encryption: aesGcm({ keys: [{ id: 'k1', key: Buffer.alloc(32, 1) }] }),
  http,
  clock,
  ids: createIds(clock),
  logger: { debug: silent, info: silent, warn: silent, error: silent },
})
const connection = {
  id: 'con_1',
  orgId: 'org_1',
  transport: 'slack',
  label: 'Slack',
  config: {},
  categories: [],
  eventTypes: [],
  credentialId: 'slack:T1',
}

await store.setup()
process.on('message', (order: Order) => {
  aheadMs = order.aheadMs
  setTimeout(async () => report(await Promise.all(Array.from({ length: options.sends }, send))), order.afterMs)
})
// nobody is left who would end this process
process.on('disconnect', () => process.exit(0))
report('ready')

function provider(): OAuthProvider {
  const slack = slackOAuth({
    clientId: 'id',
    clientSecret: 'secret',
    redirectUri: 'https://x.example',
    apiUrl: options.url,
  })
  if (options.stopAfterAnswer !== true) return slack
  return {
    ...slack,
    async refresh(...args) {
      const result = await slack.refresh(...args)
      report('answered')
      await new Promise(() => {})
      return result
    },
  }
}

/** What the worker does for one delivery. */
async function send(): Promise<string> {
  const first = await tokens.get(connection, { signal })
  if (!first.ok) return `${first.outcome.kind} ${first.outcome.code}`
  if (await post(first.token)) return 'delivered'
  const second = await tokens.get(connection, { rejectedToken: first.token, signal })
  if (!second.ok) return `${second.outcome.kind} ${second.outcome.code}`
  return (await post(second.token)) ? 'delivered' : 'rejected twice'
}

async function post(token: string): Promise<boolean> {
  const { text } = await http.request({
    method: 'POST',
    url: `${options.url}/chat.postMessage`,
    headers: { authorization: `Bearer ${token}` },
    body: '{}',
    deadlineAt: clock.now() + 10_000,
  })
  return JSON.parse(text).ok === true
}
