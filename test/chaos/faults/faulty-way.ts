import { setTimeout as pause } from 'node:timers/promises'
import { postgresUrl } from '../../support/postgres.ts'
import { type Relay, startRelay } from '../../support/relay.ts'
import { seededRandom } from '../settings.ts'
import { type RoundsOptions, type RoundsReport, runRounds } from './rounds.ts'

/** Of the store: short, so that a silence is noticed within a round. */
const LIMITS = { lockTimeoutMs: 400, statementTimeoutMs: 800 } as const
/** Long enough for a result to be written by another connection, when the first has gone silent. */
const LEASE_MS = 3000

/** Cuts, silences and delays the way of all processes to Postgres, at random moments and in the middle of what they say. */
export async function runFaultyWay(options: RoundsOptions): Promise<RoundsReport> {
  const random = seededRandom(options.seed)
  const url = new URL(postgresUrl)
  const relay = await startRelay(Number(url.port || 5432))
  url.port = String(relay.port)
  try {
    return await runRounds(
      options,
      {
        store: 'postgres',
        childUrl: url.href,
        limits: LIMITS,
        pool: { max: 8, connectionTimeoutMillis: 800 },
        worker: { leaseMs: LEASE_MS },
        answers: { random, delayMs: () => 2 + random() * 15, refuse: 0.02 },
      },
      async (round) => {
        // each kind in turn, from any of them on
        const harm = HARMS[(options.seed + round) % HARMS.length]
        harm?.(relay, random)
        await pause(100 + random() * 2400)
        relay.mend()
      },
    )
  } finally {
    await relay.close()
  }
}

type Harm = (relay: Relay, random: () => number) => void

const soon = (random: () => number) => ({
  direction: random() < 0.5 ? ('up' as const) : ('down' as const),
  packet: 1 + Math.floor(random() * 40),
})

const HARMS: readonly Harm[] = [
  (relay) => relay.cut(),
  (relay) => relay.stall(),
  (relay, random) => relay.cut(soon(random)),
  (relay, random) => relay.stall(soon(random)),
  (relay, random) => relay.delay(() => random() * 40),
  (relay, random) => relay.cut({ direction: 'down', bytes: Math.floor(random() * 4000) }),
]
