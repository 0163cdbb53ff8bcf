import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { expect, it, onTestFinished } from 'vitest'
import { type Answer, startReceiver, status } from '../support/receiver.ts'
import { openDispatcher, startWorker } from './support-process.ts'

const TIMEOUT = { timeout: 60_000 }

interface Arrival {
  /** Epoch ms. */
  readonly at: number
  readonly from: string
  readonly event: string
}

/** Two processes over one file, an endpoint, and a connection to it. */
async function world(settings: object, answer: Answer) {
  const folder = mkdtempSync(join(tmpdir(), 'signalbox-'))
  const path = join(folder, 'shared.db')
  const arrivals: Arrival[] = []
  const receiver = await startReceiver((request, response, count) => {
    const event = JSON.parse(request.body.toString()).title
    arrivals.push({ at: Date.now(), from: request.headers['user-agent'] ?? '', event })
    answer(request, response, count)
  })
  const { store, dispatcher } = openDispatcher({ name: 'host', path, worker: {} })
  const { connection } = await dispatcher.connections.create({
    orgId: 'org_1',
    transport: 'webhook',
    config: { url: receiver.url },
    ...settings,
  })
  onTestFinished(async () => {
    await dispatcher.close()
    await store.close()
    await receiver.close()
    rmSync(folder, { recursive: true })
  })
  return {
    arrivals,
    async dispatch(count: number): Promise<readonly string[]> {
      const titles = Array.from({ length: count }, (_, n) => `event ${String(n).padStart(2, '0')}`)
      await dispatcher.dispatchMany(
        titles.map((title) => ({
          orgId: 'org_1',
          type: 'case_assigned',
          title,
          body: '',
          href: 'https://app.example.com/',
        })),
      )
      return titles
    },
    async start(name: string, concurrency: number) {
      const one = await startWorker({ name, path, worker: { concurrency, pollMs: 20 } })
      onTestFinished(() => one.kill())
      return one
    },
    async delivered(count: number): Promise<void> {
      const ref = { orgId: 'org_1', connectionId: connection.id, status: ['delivered'] as const }
      while ((await dispatcher.deliveries.list({ ...ref, limit: 100 })).items.length < count) await pause(20)
    },
  }
}

it('two processes together keep the pace of a connection', TIMEOUT, async () => {
  const pace = { perSecond: 10, burst: 5 }
  // the process that has sent one is not the one that is free for the next
  const { arrivals, dispatch, start, delivered } = await world({ pace }, (_request, response) => {
    setTimeout(() => response.end(), 150)
  })
  await dispatch(45)
  await Promise.all([start('a', 1), start('b', 1)])
  await delivered(45)

  expect(new Set(arrivals.map(({ from }) => from))).toEqual(new Set(['a', 'b']))
  expect(new Set(arrivals.map(({ event }) => event)).size).toBe(45)
  expect(arrivals).toHaveLength(45)
  // over any time, no more than the pace allows; another burst for requests that were under way for long
  for (const [first, { at }] of arrivals.entries()) {
    for (const [last, { at: until }] of arrivals.entries()) {
      const allowed = pace.burst + ((until - at) / 1000) * pace.perSecond
      if (last > first) expect(last - first + 1).toBeLessThanOrEqual(allowed + pace.burst)
    }
  }
})

it('no process sends to a connection before its Retry-After is over', TIMEOUT, async () => {
  const asked = 1000
  const { arrivals, dispatch, start, delivered } = await world({ maxInFlight: 1 }, (request, response, count) =>
    status(count === 1 ? 429 : 200, count === 1 ? { 'retry-after': String(asked / 1000) } : {})(
      request,
      response,
      count,
    ),
  )
  await dispatch(6)
  await Promise.all([start('a', 4), start('b', 4)])
  await delivered(6)

  const [limited, next] = arrivals
  expect(arrivals).toHaveLength(7)
  expect((next?.at ?? 0) - (limited?.at ?? 0)).toBeGreaterThanOrEqual(asked)
})

it(
  'a fifo connection stays in order over two processes, while its head is tried again and a process ends',
  TIMEOUT,
  async () => {
    let running = 0
    let most = 0
    const bothWork = Promise.withResolvers<void>()
    const { arrivals, dispatch, start, delivered } = await world(
      { ordering: 'fifo' },
      async (_request, response, count) => {
        most = Math.max(most, ++running)
        await (count === 3 ? bothWork.promise : pause(60))
        running--
        response.writeHead(count <= 2 ? 503 : 200).end()
      },
    )
    const events = await dispatch(20)
    const a = await start('a', 8)
    while (arrivals.length < 3) await pause(5)
    await start('b', 8)
    bothWork.resolve()
    while (arrivals.length < 8) await pause(5)
    await a.stop()
    await delivered(20)

    const head = String(events[0])
    expect(arrivals.map(({ event }) => event)).toEqual([head, head, ...events])
    expect(most).toBe(1)
    expect(new Set(arrivals.map(({ from }) => from))).toEqual(new Set(['a', 'b']))
  },
)
