import type { Verdict } from './check.ts'

/** The verdict as a table for people. */
export function summary(verdict: Verdict): string {
  const rows: readonly (readonly [string, number, string?])[] = [
    ['processes killed', verdict.kills],
    ['events dispatched', verdict.dispatched],
    ['accepted', verdict.accepted],
    ['in doubt when killed', verdict.doubtful, 'may have arrived or not'],
    ['recovered', verdict.recovered, 'in doubt, and arrived'],
    ['asked again, and known', verdict.known, 'stored before the kill: dispatched again as duplicates'],
    ['requests', verdict.requests],
    ['turned away', verdict.turnedAway, '503 or cut: tried again'],
    ['arrivals', verdict.arrivals, 'events × destinations'],
    ['in flight at the kills', verdict.inFlightAtKills, 'each may arrive once more'],
    ['duplicated', verdict.duplicated, 'same id, same body, each in flight at a kill'],
    ['leases lost while sending', verdict.leasesLost, 'a process stood still for longer than a lease'],
    ['errors logged', verdict.errors.length],
    ['problems', verdict.problems.length, 'lost, unexpected, unexplained, altered, unverified, unfinished'],
  ]
  const lines = rows.map(([name, count, remark]) =>
    `${name.padEnd(26)}${String(count).padStart(8)}${remark === undefined ? '' : `   ${remark}`}`.trimEnd(),
  )
  const errors = verdict.errors.slice(0, 10).map((error) => `logged: ${error}`)
  const problems = verdict.problems.slice(0, 50).map((problem) => `! ${problem}`)
  return [...lines, ...errors, ...problems].join('\n')
}
