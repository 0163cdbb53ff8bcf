import { randomUUID } from 'node:crypto'
import { Redis } from 'ioredis'

export const redisUrl: string = process.env.SIGNALBOX_TEST_REDIS_URL ?? 'redis://127.0.0.1:6379'

/**
 * `undefined` where a Redis answers at {@link redisUrl}, else why tests that need it are skipped, which is printed.
 *
 * @throws where `SIGNALBOX_REQUIRE_SERVICES=1` and none answers.
 */
export async function redisMissing(): Promise<string | undefined> {
  const client = new Redis(redisUrl, { lazyConnect: true, retryStrategy: () => null, connectTimeout: 5000 })
  client.on('error', () => {})
  try {
    await client.connect()
    await client.ping()
    client.disconnect()
    return undefined
  } catch (error) {
    if (process.env.SIGNALBOX_REQUIRE_SERVICES === '1') throw error
    const { hostname, port } = new URL(redisUrl)
    const reason = `no Redis answers at ${hostname}:${port} (SIGNALBOX_TEST_REDIS_URL)`
    console.info(`skipped: ${reason}`)
    return reason
  }
}

/** What the keys of one test begin with; suites side by side have their own. */
export function freshPrefix(): string {
  return `signalbox_test_${randomUUID().slice(0, 8)}`
}

/** Runs `work` with a client of its own. */
async function withRedis<T>(work: (client: Redis) => Promise<T>): Promise<T> {
  const client = new Redis(redisUrl)
  try {
    return await work(client)
  } finally {
    await client.quit()
  }
}

export function keysOf(prefix: string): Promise<readonly string[]> {
  return withRedis((client) => client.keys(`${prefix}:*`))
}

/** What FLUSHALL does, for the keys of one test. */
export async function flushPrefix(prefix: string): Promise<void> {
  await withRedis(async (client) => {
    const keys = await client.keys(`${prefix}:*`)
    if (keys.length > 0) await client.del(...keys)
  })
}
