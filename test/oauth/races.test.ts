import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, it } from 'vitest'
import type { CredentialSource } from '../../src/contracts/tokens.ts'
import { undiciHttp } from '../../src/http/index.ts'
import { aesGcm } from '../../src/index.ts'
import { slackOAuth, storedTokens } from '../../src/oauth/index.ts'
import { systemClock } from '../../src/runtime/clock.ts'
import { createIds } from '../../src/runtime/ids.ts'
import { silentLogger } from '../../src/runtime/logger.ts'
import { sqliteStore } from '../../src/stores/sqlite.ts'
import { LOOPBACK, type Received, startReceiver } from '../support/receiver.ts'
import type { ChildOptions, Order, Report } from './races-child.ts'

const ROUNDS = 200
const SENDS = 3
const HOUR = 3_600_000
const LIFE_S = 43_200

interface Provider {
  readonly url: string
  /** The refresh tokens that came in, and those of them that had been used up. */
  readonly refreshed: readonly string[]
  readonly refused: readonly string[]
  /** Sends that it took. */
  readonly posted: number
  /** The access token, and the one before, are refused from now on. */
  expire(): void
  close(): Promise<void>
}

/** Slack, as strict as it is: a refresh token works once. Answers take from 0 to 7 ms. */
async function slackOnLoopback(): Promise<Provider> {
  const refreshed: string[] = []
  const refused: string[] = []
  let generation = 1
  let expired = 0
  let posted = 0
  const answerTo = ({ path, body, headers }: Received): object => {
    if (path === '/chat.postMessage') {
      const [, n = ''] = /^Bearer at-(\d+)$/.exec(headers.authorization ?? '') ?? []
      if (Number(n) > generation || Number(n) <= expired) return { ok: false, error: 'token_expired' }
      posted += 1
      return { ok: true }
    }
    const token = new URLSearchParams(body.toString()).get('refresh_token') ?? ''
    refreshed.push(token)
    if (token !== `rt-${generation}`) {
      refused.push(token)
      return { ok: false, error: 'invalid_refresh_token' }
    }
    generation += 1
    return { ok: true, access_token: `at-${generation}`, refresh_token: `rt-${generation}`, expires_in: LIFE_S }
  }
  const receiver = await startReceiver((request, response, count) => {
    const text = JSON.stringify(answerTo(request))
    setTimeout(() => response.writeHead(200, { 'content-type': 'application/json' }).end(text), (count * 5) % 8)
  })
  return {
    url: receiver.url,
    refreshed,
    refused,
    get posted() {
      return posted
    },
    expire() {
      expired = generation
    },
    close: receiver.close,
  }
}

interface Child {
  readonly process: ChildProcess
  order(order: Order): Promise<Report>
}

let folder: string
let slack: Provider
let path: string
const children: ChildProcess[] = []

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'signalbox-races-'))
  path = join(folder, 'signalbox.db')
  slack = await slackOnLoopback()
  const grant = { provider: 'slack', externalId: 'T1', accessToken: 'at-1', refreshToken: 'rt-1', scopes: [] }
  await withTokens(async (tokens) => {
    await tokens.save({ orgId: 'org_1', id: 'con_1' }, { ...grant, expiresAt: Date.now() + LIFE_S * 1000 })
  })
})
afterEach(async () => {
  await Promise.all(children.splice(0).map(end))
  await slack.close()
  rmSync(folder, { recursive: true })
})

async function withTokens(work: (tokens: CredentialSource) => Promise<void>): Promise<void> {
  const clock = systemClock()
  const store = sqliteStore({ path })
  const http = undiciHttp(LOOPBACK)
  await store.setup()
  const provider = slackOAuth({
    clientId: 'id',
    clientSecret: 'secret',
    redirectUri: 'https://x.example',
    apiUrl: slack.url,
  })
  const encryption = aesGcm({ keys: [{ id: 'k1', key: Buffer.alloc(32, 1) }] })
  const parts = { store, encryption, http, clock, ids: createIds(clock), logger: silentLogger }
  await work(storedTokens({ providers: [provider] }).attach(parts))
  await http.close()
  await store.close()
}

async function start(fields: Partial<ChildOptions> = {}): Promise<Child> {
  const options: ChildOptions = { path, url: slack.url, sends: SENDS, ...fields }
  const process = fork(fileURLToPath(new URL('races-child.ts', import.meta.url)), [JSON.stringify(options)], {
    execArgv: ['--disable-warning=ExperimentalWarning'],
    env: {},
  })
  children.push(process)
  expect(await reportOf(process)).toBe('ready')
  return {
    process,
    order(order) {
      const report = reportOf(process)
      process.send(order)
      return report
    },
  }
}

async function reportOf(process: ChildProcess): Promise<Report> {
  const heard = new AbortController()
  const { signal } = heard
  const died = once(process, 'exit', { signal }).then(() => Promise.reject(new Error('the process died')))
  const [report] = await Promise.race([once(process, 'message', { signal }), died])
  heard.abort()
  return report
}

async function end(process: ChildProcess): Promise<void> {
  if (process.exitCode !== null || process.signalCode !== null) return
  const exited = once(process, 'exit')
  process.kill('SIGKILL')
  await exited
}

it(`two processes race for ${ROUNDS} refreshes: one for each generation, and no send is lost`, {
  timeout: 120_000,
}, async () => {
  const [a, b] = await Promise.all([start(), start()])
  let aheadMs = 0
  for (let round = 1; round <= ROUNDS; round++) {
    // the service refuses the token, or the clocks say that it has ended, or is about to
    if (round % 3 === 0) aheadMs += 13 * HOUR
    else if (round % 3 === 1) aheadMs += 12 * HOUR - 60_000
    else slack.expire()
    const order = (afterMs: number): Order => ({ afterMs, aheadMs })
    const reports = await Promise.all([a.order(order(round % 4)), b.order(order((round * 7) % 5))])
    expect(reports.flat()).toEqual(Array.from({ length: 2 * SENDS }, () => 'delivered'))
    expect(slack.refreshed).toEqual(Array.from({ length: round }, (_, n) => `rt-${n + 1}`))
  }
  expect(slack.refused).toEqual([])
  expect(slack.posted).toBe(ROUNDS * 2 * SENDS)
})

it('a process that is killed between the answer and its writing costs one more question, then everybody is told', {
  timeout: 60_000,
}, async () => {
  const [doomed, other] = await Promise.all([start({ stopAfterAnswer: true }), start()])
  slack.expire()
  expect(await doomed.order({ afterMs: 0, aheadMs: 0 })).toBe('answered')
  await end(doomed.process)
  expect(slack.refreshed).toEqual(['rt-1'])
  const dead = Array.from({ length: SENDS }, () => 'reauthorize token_revoked')
  expect(await other.order({ afterMs: 0, aheadMs: 31_000 })).toEqual(dead)
  const late = await start()
  for (let hour = 1; hour <= 5; hour++) {
    expect(await other.order({ afterMs: 0, aheadMs: hour * HOUR })).toEqual(dead)
    expect(await late.order({ afterMs: 0, aheadMs: hour * HOUR })).toEqual(dead)
  }
  expect(slack.refreshed).toEqual(['rt-1', 'rt-1'])
  expect(slack.refused).toEqual(['rt-1'])
})
