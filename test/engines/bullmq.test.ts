import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { Queue } from 'bullmq'
import { Redis } from 'ioredis'
import { describe, expect, it, onTestFinished } from 'vitest'
import { bullmqEngine } from '../../src/engines/bullmq.ts'
import { engineContract } from '../../src/testing/index.ts'
import { testEach } from '../support/cases.ts'
import { flushPrefix, freshPrefix, keysOf, redisMissing, redisUrl } from '../support/redis.ts'
import { startRelay } from '../support/relay.ts'

const missing = await redisMissing()

describe.skipIf(missing !== undefined)('the BullMQ engine', () => {
  const cases = engineContract({
    shared: true,
    async open({ sweepMs }) {
      const prefix = freshPrefix()
      const relay = await startRelay(Number(new URL(redisUrl).port))
      return {
        engine: () => bullmqEngine({ connection: { host: '127.0.0.1', port: relay.port }, prefix, sweepMs }),
        lose: () => flushPrefix(prefix),
        async cut() {
          relay.cut()
          return async () => relay.mend()
        },
        async close() {
          await relay.close()
          await flushPrefix(prefix)
        },
      }
    },
  })
  testEach(cases, { timeoutMs: 60_000 })

  function own() {
    const prefix = freshPrefix()
    const client = new Redis(redisUrl, { maxRetriesPerRequest: null })
    const queue = new Queue('signalbox', { connection: client, prefix })
    onTestFinished(async () => {
      await queue.close()
      client.disconnect()
      await flushPrefix(prefix)
    })
    return { prefix, client, queue }
  }

  it('puts ids and times into Redis, and nothing else', async () => {
    const { prefix, client, queue } = own()
    const engine = bullmqEngine({ connection: client, prefix, maxIds: 2 })
    const dueAt = Date.now() + 3_600_000
    const ids = ['dlv_1', 'dlv_2', 'dlv_3']
    await engine.schedule(ids.map((deliveryId) => ({ deliveryId, dueAt: 0 })))
    await engine.schedule([{ deliveryId: 'dlv_4', dueAt }])
    await engine.schedule([{ deliveryId: '', dueAt }])
    await engine.stop()
    const waiting = await queue.getWaiting()
    expect(waiting.map(({ name, data }) => [name, data.deliveryIds])).toEqual(
      expect.arrayContaining([
        ['attempt', ['dlv_1', 'dlv_2']],
        ['attempt', ['dlv_3']],
      ]),
    )
    const delayed = await queue.getDelayed()
    expect(delayed.map(({ name, data }) => [name, data])).toEqual([
      ['attempt', { deliveryIds: ['dlv_4'], dueAt: expect.any(Number) }],
      ['wake', { deliveryIds: [], dueAt: expect.any(Number) }],
    ])
    for (const { delay, timestamp } of delayed) {
      expect(timestamp + delay).toBeGreaterThanOrEqual(dueAt)
      expect(timestamp + delay).toBeLessThan(dueAt + 2000)
    }
  })

  it('makes no second job of the same deliveries at the same later instant, whoever asks', async () => {
    const { prefix, client, queue } = own()
    const dueAt = Date.now() + 3_600_000
    for (let process = 0; process < 2; process++) {
      const engine = bullmqEngine({ connection: client, prefix })
      for (let time = 0; time < 2; time++) {
        await engine.schedule(['a', ''].map((deliveryId) => ({ deliveryId, dueAt })))
      }
      await engine.stop()
    }
    expect(await queue.getDelayedCount()).toBe(2)
  })

  it('keeps nothing of a job that was worked off', async () => {
    const { prefix, client, queue } = own()
    const engine = bullmqEngine({ connection: client, prefix })
    const { promise: attempted, resolve } = Promise.withResolvers<readonly string[]>()
    await engine.start({
      work: async () => ({ nextAt: null }),
      async attempt(ids) {
        resolve(ids)
        return { left: [] }
      },
    })
    await engine.schedule(Array.from({ length: 50 }, (_, n) => ({ deliveryId: `d${n}`, dueAt: 0 })))
    expect((await attempted).length).toBe(50)
    await engine.stop()
    // but the wake-up for the next worker, of the end of this one
    const { waiting = 0, ...others } = await queue.getJobCounts()
    expect(waiting).toBeLessThanOrEqual(1)
    expect(new Set(Object.values(others))).toEqual(new Set([0]))
    const jobs = (await keysOf(prefix)).filter((key) => /:\d+$/.test(key))
    expect(jobs.length).toBe(waiting)
  })

  it('takes a job that it does not understand for a wake-up', async () => {
    const { prefix, client, queue } = own()
    const engine = bullmqEngine({ connection: client, prefix })
    let looks = 0
    const { promise: looked, resolve } = Promise.withResolvers<void>()
    await engine.start({
      async work() {
        if (++looks === 4) resolve()
        return { nextAt: null }
      },
      attempt: () => Promise.reject(new Error('names no delivery')),
    })
    for (const data of [null, { deliveryIds: 'all' }, { deliveryIds: [1, '', {}] }]) await queue.add('of another', data)
    await looked
    await engine.stop()
  })

  it('leaves a client of the host open', async () => {
    const { prefix, client } = own()
    const engine = bullmqEngine({ connection: client, prefix })
    await engine.start({ work: async () => ({ nextAt: null }), attempt: async (left) => ({ left }) })
    await engine.stop()
    expect(await client.ping()).toBe('PONG')
  })

  it('gives up on a Redis that keeps the connection and does not answer', { timeout: 60_000 }, async () => {
    const { prefix } = own()
    const relay = await startRelay(Number(new URL(redisUrl).port))
    onTestFinished(relay.close)
    const errors: string[] = []
    const engine = bullmqEngine({
      connection: { host: '127.0.0.1', port: relay.port },
      prefix,
      logger: { debug() {}, info() {}, warn() {}, error: (_fields, message) => void errors.push(message) },
    })
    await engine.start({ work: async () => ({ nextAt: null }), attempt: async (left) => ({ left }) })
    await engine.schedule([{ deliveryId: 'a', dueAt: 0 }])
    relay.stall()
    await engine.schedule([{ deliveryId: 'b', dueAt: 0 }])
    await engine.stop()
    expect(errors).toContain('jobs could not be added: sweeps find what they would have woken')
  })

  it('lets a process end although Redis is gone', { timeout: 60_000 }, async () => {
    const { prefix } = own()
    const relay = await startRelay(Number(new URL(redisUrl).port))
    onTestFinished(relay.close)
    const child = fork(
      fileURLToPath(new URL('without-redis-child.ts', import.meta.url)),
      [JSON.stringify({ port: relay.port, prefix })],
      { execArgv: ['--disable-warning=ExperimentalWarning'], env: {} },
    )
    onTestFinished(() => void child.kill('SIGKILL'))
    await once(child, 'message')
    relay.cut()
    child.send('stop')
    expect(await once(child, 'exit')).toEqual([0, null])
  })
})

describe('options of the BullMQ engine', () => {
  const connection = { host: '127.0.0.1', port: 1 }
  it.each([
    ['connection', { connection: undefined }],
    ['connection', { connection: 'redis://127.0.0.1' }],
    ['connection', { connection: { ...connection, keyPrefix: 'x' } }],
    ['connection', { connection: new Redis({ lazyConnect: true }) }],
    ['queue', { connection, queue: 'a:b' }],
    ['queue', { connection, queue: '' }],
    ['prefix', { connection, prefix: '' }],
    ['concurrency', { connection, concurrency: 0 }],
    ['sweepMs', { connection, sweepMs: 1 }],
    ['maxIds', { connection, maxIds: 0 }],
    ['queueName', { connection, queueName: 'x' }],
  ])('refuses %s that it could not work with', (field, options) => {
    expect(() => bullmqEngine(options as never)).toThrow(expect.objectContaining({ code: 'invalid_input', field }))
  })
})
