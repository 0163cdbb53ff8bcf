import { runHostTransactions } from '../stores/postgres/host-transactions.ts'
import { faultParts } from './faults/parts.ts'
import { runKillLoop } from './kill-loop.ts'
import type { Part } from './part.ts'
import { runPauseLoop } from './pause-loop.ts'
import { summary } from './summary.ts'

export const parts: readonly Part[] = [
  sigkill('sqlite'),
  sigkill('postgres'),
  pauses('sqlite'),
  pauses('postgres'),
  {
    name: 'host-transactions',
    store: 'postgres',
    // 50 for each kill that is asked for: 10,000
    run: ({ kills, seed, log }) => runHostTransactions({ transactions: kills * 50, hosts: 30, openMs: 400, seed, log }),
  },
  ...faultParts,
]

function sigkill(store: Part['store']): Part {
  return {
    name: `sigkill-${store}`,
    store,
    async run({ kills, seed, log }) {
      let told = 0
      const verdict = await runKillLoop({
        store,
        kills,
        seed,
        onKill(killed) {
          if (killed - told < 20) return
          told = killed
          log(`${killed} killed`)
        },
      })
      return { text: summary(verdict), problems: verdict.problems }
    },
  }
}

/** Fencing: one pause for ten kills. */
function pauses(store: Part['store']): Part {
  return {
    name: `pauses-${store}`,
    store,
    async run({ kills, seed, log }) {
      const count = Math.ceil(kills / 10)
      const onPause = (paused: number): void => {
        if (paused % 10 === 0) log(`${paused} paused`)
      }
      const verdict = await runPauseLoop({ store, pauses: count, seed, onPause })
      // one that stands still in the middle of a write holds locks: others that wait for them may lose their leases too
      const held = `${count} pauses past the leases, ${verdict.inFlightAtPauses} deliveries held by who stood still`
      return { text: `${held}\n${summary(verdict)}`, problems: verdict.problems }
    },
  }
}
