import type { Verdict } from './check.ts'

/** The verdict as a table for people. */
export function summary(verdict: Verdict): string {
  const rows: readonly (readonly [string, number, string?])[] = [
    ['processes killed', verdict.kills],
    ['events dispatched', verdict.dispatched],
    ['accepted', verdict.accepted],
    ['in doubt', verdict.doubtful, 'killed before it was known, and not asked again'],
    ['asked again, and known', verdict.known, 'stored before: dispatched again as duplicates'],
    ['with the host, committed', verdict.joined.committed, 'in its own transaction: its row is there'],
    ['with the host, never', verdict.joined.never, 'rolled back, or killed before the commit: no row'],
    ['requests', verdict.requests],
    ['turned away', verdict.turnedAway, '503 or cut: tried again'],
    ['arrivals', verdict.arrivals, 'events × destinations'],
    ['lost', verdict.lost, 'accepted, and never arrived'],
    ['unexpected', verdict.unexpected, 'arrived, and never dispatched'],
    ['duplicated', verdict.duplicated, 'same id, same body, each in flight at an interruption'],
    ['in flight at the kills', verdict.inFlightAtKills, 'each may arrive once more'],
    ['cut off by a grace', verdict.cutOff, 'the same'],
    ['leases lost while sending', verdict.leasesLost, 'the same; a process stood still for longer than a lease'],
    ['attempts timed out', verdict.timedOut, 'the same; the machine was busy'],
    ['results never written', verdict.unwritten, 'the same; the store was away'],
    ['recovered, acknowledged', verdict.recovered.acknowledged, 'held by a process that was killed, and arrived'],
    ['recovered, in doubt', verdict.recovered.inDoubt, 'in doubt, and arrived'],
    ['errors logged', verdict.errors.length],
    ['problems', verdict.problems.length, 'the above, unexplained, altered, unverified, unfinished'],
  ]
  const lines = rows.map(([name, count, remark]) =>
    `${name.padEnd(26)}${String(count).padStart(8)}${remark === undefined ? '' : `   ${remark}`}`.trimEnd(),
  )
  const errors = verdict.errors.slice(0, 10).map((error) => `logged: ${error}`)
  const problems = verdict.problems.slice(0, 50).map((problem) => `! ${problem}`)
  return [...lines, ...errors, ...problems].join('\n')
}
