import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Received, startReceiver } from '../support/receiver.ts'
import { flushPrefix, freshPrefix, redisMissing, redisUrl } from '../support/redis.ts'
import { eventOf, ORG, openDispatcher, type Report, type WorkerOptions } from './worker-settings.ts'

const missing = await redisMissing()

interface Arrival {
  /** Path of the webhook, or `slack`. */
  readonly to: string
  readonly messageId: string
  readonly eventId: string
  /** Epoch ms. */
  readonly at: number
}

/** The destinations: webhooks, and Slack with a token that has run out and a refresh token that works once. */
async function startDestinations(): Promise<{
  readonly url: string
  readonly arrivals: Arrival[]
  readonly refreshes: readonly string[]
  readonly refused: readonly string[]
  until(what: string, reached: (arrivals: readonly Arrival[]) => boolean): Promise<void>
  close(): Promise<void>
}> {
  const arrivals: Arrival[] = []
  const refreshes: string[] = []
  const refused: string[] = []
  const listeners = new Set<() => void>()
  let generation = 1

  function slack({ path, body, headers }: Received): object {
    if (path.endsWith('/oauth.v2.access')) {
      const token = new URLSearchParams(body.toString()).get('refresh_token') ?? ''
      refreshes.push(token)
      if (token !== `rt-${generation}`) {
        refused.push(token)
        return { ok: false, error: 'invalid_refresh_token' }
      }
      generation++
      return { ok: true, access_token: `at-${generation}`, refresh_token: `rt-${generation}`, expires_in: 43_200 }
    }
    if (headers.authorization !== `Bearer at-${generation}` || generation === 1) {
      return { ok: false, error: 'token_expired' }
    }
    arrivals.push({ to: 'slack', messageId: '', eventId: '', at: Date.now() })
    return { ok: true, channel: 'C1', ts: '1.1' }
  }

  const receiver = await startReceiver((request, response) => {
    if (request.path.startsWith('/api/')) {
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(slack(request)))
    } else {
      const { id } = JSON.parse(request.body.toString()).metadata
      const messageId = String(request.headers['webhook-id'])
      arrivals.push({ to: request.path, messageId, eventId: id, at: Date.now() })
      response.end('ok')
    }
    for (const listener of listeners) listener()
  })
  return {
    url: receiver.url,
    arrivals,
    refreshes,
    refused,
    until: (what, reached) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          if (reached(arrivals)) end(resolve)
        }
        const end = (how: () => void): void => {
          listeners.delete(look)
          clearTimeout(timer)
          how()
        }
        const timer = setTimeout(() => {
          end(() => reject(new Error(`${what}: not in time; ${arrivals.length} arrivals`)))
        }, 40_000)
        listeners.add(look)
        look()
      }),
    close: receiver.close,
  }
}

let folder: string
let options: WorkerOptions
let destinations: Awaited<ReturnType<typeof startDestinations>>
let host: ReturnType<typeof openDispatcher>
const children: ChildProcess[] = []

beforeEach(async () => {
  if (missing !== undefined) return
  folder = mkdtempSync(join(tmpdir(), 'signalbox-workers-'))
  destinations = await startDestinations()
  options = {
    path: join(folder, 'signalbox.db'),
    redisUrl,
    prefix: freshPrefix(),
    slackUrl: destinations.url,
    sweepMs: 3_600_000,
  }
})
afterEach(async () => {
  if (missing !== undefined) return
  await host.close()
  await Promise.all(children.splice(0).map(end))
  await destinations.close()
  await flushPrefix(options.prefix)
  rmSync(folder, { recursive: true })
})

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = once(child, 'exit')
  child.kill('SIGKILL')
  await exited
}

async function startWorker(): Promise<ChildProcess> {
  const child = fork(fileURLToPath(new URL('worker-child.ts', import.meta.url)), [JSON.stringify(options)], {
    execArgv: ['--disable-warning=ExperimentalWarning'],
    env: {},
  })
  children.push(child)
  expect(await reportOf(child)).toEqual({ kind: 'ready' })
  return child
}

async function reportOf(child: ChildProcess): Promise<Report> {
  const exited = once(child, 'exit').then(() => {
    throw new Error('a worker ended by itself')
  })
  exited.catch(() => undefined)
  const [report] = await Promise.race([once(child, 'message'), exited])
  return report as Report
}

async function closeWorker(child: ChildProcess): Promise<number> {
  const report = reportOf(child)
  child.send('close')
  const closed = await report
  return closed.kind === 'closed' ? closed.delivered : -1
}

const webhook = (path: string, settings: object = {}) =>
  host.dispatcher.connections.create({
    orgId: ORG,
    transport: 'webhook',
    config: { url: `${destinations.url}${path}` },
    ...settings,
  })

const names = (prefix: string, count: number): string[] => Array.from({ length: count }, (_, n) => `${prefix}${n}`)

const at = (path: string): readonly Arrival[] => destinations.arrivals.filter(({ to }) => to === path)

describe.skipIf(missing !== undefined)(
  'several workers over one SQLite file, woken by BullMQ',
  { timeout: 60_000 },
  () => {
    it('share the work: each delivery once, fifo in order, a pace kept, one refresh of a token', async () => {
      host = openDispatcher(options)
      const plain = names('/plain', 5)
      for (const path of plain) await webhook(path)
      await webhook('/fifo', { ordering: 'fifo' })
      await webhook('/paced', { pace: { perSecond: 25, burst: 5 }, eventTypes: ['paced'] })
      const grant = {
        provider: 'slack',
        externalId: 'T1',
        accessToken: 'at-1',
        refreshToken: 'rt-1',
        scopes: ['chat:write'],
        expiresAt: Date.now() - 1000,
      }
      for (const channelId of names('C0', 12)) {
        const config = { workspaceId: 'T1', channelId }
        await host.dispatcher.connections.connect({
          orgId: ORG,
          transport: 'slack',
          grant,
          config,
          eventTypes: ['chat'],
        })
      }
      const workers = await Promise.all([1, 2, 3].map(startWorker))

      const cases = names('case', 100)
      for (const id of cases) await host.dispatcher.dispatch(eventOf(id))
      const pacedIds = names('paced', 40)
      await host.dispatcher.dispatchMany(pacedIds.map((id) => eventOf(id, 'paced')))
      await host.dispatcher.dispatch(eventOf('chat', 'chat'))
      // cases, and what the others are told of, to the five and the fifo one; the paced ones once more; Slack twelve times
      const expected = 6 * (100 + 40 + 1) + 40 + 12
      await destinations.until('all of them', (arrivals) => arrivals.length >= expected)

      const shares = await Promise.all(workers.map(closeWorker))
      expect(destinations.arrivals.length).toBe(expected)
      for (const path of [...plain, '/fifo']) {
        expect(new Set(at(path).map(({ messageId }) => messageId)).size, path).toBe(141)
      }
      expect(
        at('/fifo')
          .map(({ eventId }) => eventId)
          .filter((id) => id.startsWith('case')),
      ).toEqual(cases)
      expect(new Set(at('/paced').map(({ eventId }) => eventId))).toEqual(new Set(pacedIds))
      // 5 at once and then 25 a second: 35 more take 1.4 s, less what the first ones were late
      const times = at('/paced').map((arrival) => arrival.at)
      expect(Math.max(...times) - Math.min(...times)).toBeGreaterThan(1000)
      expect([destinations.refreshes, destinations.refused]).toEqual([['rt-1'], []])
      expect(shares.reduce((sum, share) => sum + share, 0)).toBe(expected)
      expect(Math.min(...shares)).toBeGreaterThan(0)
    })

    it('lose nothing with a worker that is killed, with its jobs and leases', async () => {
      options = { ...options, sweepMs: 1000 }
      host = openDispatcher(options)
      for (const path of names('/plain', 8)) await webhook(path)
      const [first] = await Promise.all([1, 2, 3].map(startWorker))
      const ids = names('case', 150)
      const dispatched = (async () => {
        for (const id of ids) await host.dispatcher.dispatch(eventOf(id))
      })()
      await destinations.until('some', (arrivals) => arrivals.length > 200)
      first?.kill('SIGKILL')
      await dispatched
      const distinct = (): number => new Set(destinations.arrivals.map(({ to, eventId }) => `${to} ${eventId}`)).size
      await destinations.until('all of them', () => distinct() === 8 * 150)
      // twice at most what the dead one had begun
      expect(destinations.arrivals.length - distinct()).toBeLessThanOrEqual(16 * 4)
    })

    it('lose nothing when Redis is flushed: sweeps find it, and later jobs wake as before', async () => {
      options = { ...options, sweepMs: 1000 }
      host = openDispatcher(options)
      for (const path of names('/plain', 4)) await webhook(path)
      // nobody works yet: the jobs of these wait in Redis
      await host.dispatcher.dispatchMany(names('before', 100).map((id) => eventOf(id)))
      await Promise.all([1, 2].map(startWorker))
      await flushPrefix(options.prefix)
      for (const id of names('after', 100)) {
        await host.dispatcher.dispatch(eventOf(id))
        if (id.endsWith('50')) await flushPrefix(options.prefix)
      }
      await destinations.until('all of them', (arrivals) => arrivals.length >= 800)
      const distinct = new Set(destinations.arrivals.map(({ to, eventId }) => `${to} ${eventId}`))
      expect([distinct.size, destinations.arrivals.length]).toEqual([800, 800])
    })
  },
)
