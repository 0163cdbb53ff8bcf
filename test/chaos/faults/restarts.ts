import { setTimeout as pause } from 'node:timers/promises'
import { startPostgresServer } from '../postgres-server.ts'
import { seededRandom } from '../settings.ts'
import { type RoundsOptions, type RoundsReport, runRounds } from './rounds.ts'

/** Longer than the server is away: results are written when it is back, and few leases are lost. */
const LEASE_MS = 4000

/** Stops Postgres under the processes, in turn in good order and as after a crash, and starts it again. */
export async function runRestarts(options: RoundsOptions): Promise<RoundsReport> {
  const random = seededRandom(options.seed)
  const server = await startPostgresServer()
  try {
    return await runRounds(
      options,
      {
        store: 'postgres',
        url: server.url,
        pool: { max: 8, connectionTimeoutMillis: 1000 },
        worker: { leaseMs: LEASE_MS },
        answers: { random, delayMs: () => 2 + random() * 15, refuse: 0.02 },
      },
      async (round) => {
        await pause(random() * 300)
        await server.stop(round % 2 === 0 ? 'fast' : 'immediate')
        await pause(random() * 1500)
        await server.start()
      },
    )
  } finally {
    await server.close()
  }
}
