import { postgresMissing } from '../../support/postgres.ts'
import type { Part, PartOptions, PartReport } from '../part.ts'
import { postgresServerMissing } from '../postgres-server.ts'
import { redisServerMissing } from '../redis-server.ts'
import { summary } from '../summary.ts'
import { runCallSites } from './call-sites.ts'
import { runFaultyWay } from './faulty-way.ts'
import { runRedisFaults } from './redis.ts'
import { runRestarts } from './restarts.ts'
import type { RoundsOptions, RoundsReport } from './rounds.ts'

/** With 200 kills, all of it. */
const WHOLE = 200
/** Rounds of faults for each kill of the other parts. */
const ROUNDS_A_KILL = 0.3

export const faultParts: readonly Part[] = [
  {
    name: 'call-sites',
    store: 'postgres',
    async run({ kills, seed }) {
      const reason = await postgresMissing()
      if (reason !== undefined) return skipped(reason)
      const { problems, ...figures } = await runCallSites({ seed, share: Math.min(1, kills / WHOLE) })
      const lines = Object.entries(figures).map(([name, count]) => `${name.padEnd(26)}${String(count).padStart(8)}`)
      return { text: [...lines, ...problems.map((problem) => `! ${problem}`)].join('\n'), problems }
    },
  },
  rounds('faulty-way', 'postgres', postgresMissing, runFaultyWay),
  rounds('postgres-restarts', 'postgres', postgresServerMissing, runRestarts),
  ...(['sqlite', 'postgres'] as const).flatMap((store) =>
    [true, false].map((persistent) =>
      rounds(
        `redis-${persistent ? 'persistent' : 'forgetful'}-${store}`,
        store,
        async () => redisServerMissing() ?? (store === 'postgres' ? await postgresMissing() : undefined),
        (options) => runRedisFaults({ ...options, store, persistent }),
      ),
    ),
  ),
]

function rounds(
  name: string,
  store: Part['store'],
  missing: () => string | undefined | Promise<string | undefined>,
  run: (options: RoundsOptions) => Promise<RoundsReport>,
): Part {
  return {
    name,
    store,
    async run({ kills, seed, log }: PartOptions) {
      const reason = await missing()
      if (reason !== undefined) return skipped(reason)
      const report = await run({
        seed,
        rounds: Math.ceil(kills * ROUNDS_A_KILL),
        onRound: (round) => void (round % 10 === 0 && log(`${round} rounds`)),
      })
      const text = `${report.rounds} rounds, went on after ${report.slowestMs} ms at the latest\n${summary(report.verdict)}`
      return { text, problems: report.verdict.problems }
    },
  }
}

function skipped(reason: string): PartReport {
  return { text: `skipped: ${reason}`, problems: [] }
}
