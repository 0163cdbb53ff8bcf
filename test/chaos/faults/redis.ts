import { setTimeout as pause } from 'node:timers/promises'
import { type Relay, startRelay } from '../../support/relay.ts'
import { type RedisServer, startRedisServer } from '../redis-server.ts'
import { seededRandom } from '../settings.ts'
import { type RoundsOptions, type RoundsReport, runRounds } from './rounds.ts'

/** Short: what a lost job would have woken waits so long. */
const SWEEP_MS = 500

/**
 * Empties the Redis that wakes the processes, kills it and starts it again, as it was or with nothing, and cuts and
 * silences the way to it.
 */
export async function runRedisFaults(
  options: RoundsOptions & { readonly store: 'sqlite' | 'postgres'; readonly persistent: boolean },
): Promise<RoundsReport> {
  const random = seededRandom(options.seed)
  const redis = await startRedisServer({ persistent: options.persistent })
  const url = new URL(redis.url)
  const relay = await startRelay(Number(url.port))
  url.port = String(relay.port)
  try {
    return await runRounds(
      options,
      {
        store: options.store,
        engine: { kind: 'bullmq', url: url.href, prefix: 'chaos', sweepMs: SWEEP_MS },
        answers: { random, delayMs: () => 2 + random() * 15, refuse: 0.05 },
      },
      async (round) => {
        await pause(random() * 300)
        // each kind in turn, from any of them on
        await HARMS[(options.seed + round) % HARMS.length]?.(redis, relay, () => pause(random() * 1500))
      },
    )
  } finally {
    await relay.close()
    await redis.close()
  }
}

type Harm = (redis: RedisServer, relay: Relay, aWhile: () => Promise<void>) => Promise<void>

const HARMS: readonly Harm[] = [
  (redis) => redis.flush(),
  async (_redis, relay, aWhile) => {
    relay.cut()
    await aWhile()
    relay.mend()
  },
  async (redis, _relay, aWhile) => {
    await redis.stop()
    await aWhile()
    await redis.start()
  },
  async (_redis, relay, aWhile) => {
    relay.stall()
    await aWhile()
    relay.mend()
  },
]
