import { closingOf } from './generations.ts'
import type { History } from './world.ts'

/** What a world has seen: tests that meet nothing would hold too. */
export function sightsOf({ entries, profile, connections }: History): ReadonlySet<string> {
  const seen = new Set<string>()
  const first = new Map<string, string>()
  for (const { what, process, at } of entries) {
    switch (what.kind) {
      case 'fault':
        seen.add(`a store's ${what.fault}`)
        break
      case 'jump':
        if (Math.abs(what.ms) === 3_600_000) seen.add(`an hour ${what.ms > 0 ? 'forward' : 'back'}`)
        break
      case 'crash':
      case 'closed':
        seen.add(`a process that ${what.kind === 'crash' ? 'crashed' : 'was closed'}`)
        break
      case 'answer':
        if (
          /^(dispatch|pause|resume|update|delete|retry|cancel|retryFailed|replay|flush|test|purge|erase|tick|drain)/.test(
            what.name,
          )
        ) {
          seen.add(`${what.name} of the host`)
        }
        if (what.name === 'replay' && (what.value as { readonly added: number }).added > 0)
          seen.add('a replay of what was missed')
        if (what.name === 'dispatch' && (what.value as { readonly duplicate: boolean }).duplicate)
          seen.add('a duplicate')
        break
      case 'request': {
        seen.add(`a request with ${what.message === 'event' ? 'an event' : `a ${what.message}`}`)
        const before = first.get(what.deliveryId)
        if (before !== undefined && before !== process) seen.add('a delivery that another process took over')
        first.set(what.deliveryId, process)
        break
      }
      case 'response':
        seen.add(`an outcome ${typeof what.outcome === 'string' ? what.outcome : what.outcome.kind}`)
        break
      case 'commit':
        sightsOfCommit(what.commit, seen)
    }
    if (new Date(at).getUTCDate() !== new Date(profile.startAt).getUTCDate()) seen.add('another day')
  }
  for (const { digest, ordering, pace, quietHours, maxInFlight } of connections) {
    if (digest !== undefined) seen.add(`a window of ${Object.keys(digest.window)[0]}`)
    if (digest?.leading === 'send') seen.add('a leading event')
    if (ordering !== undefined) seen.add('an order')
    if (pace !== undefined) seen.add('a pace')
    if (quietHours !== undefined) seen.add('quiet hours')
    if (maxInFlight !== undefined) seen.add('a limit of places')
  }
  return seen
}

type Commits = Extract<History['entries'][number]['what'], { kind: 'commit' }>['commit']

function sightsOfCommit(commit: Commits, seen: Set<string>): void {
  if (commit.method === 'enqueue' && commit.batch.collect.length > 0) {
    const [one] = commit.batch.collect
    if (one !== undefined && closingOf([one]) > one.at) seen.add('an event in a digest')
  }
  if (commit.method === 'release') seen.add('a lease that was given back')
  if (commit.method === 'renew') seen.add('a lease that was renewed')
  if (commit.method !== 'settle') return
  if (commit.result.stale.length > 0) seen.add('a result that came too late')
  for (const { next, suspend, blockedUntil, exchanges } of commit.settlements) {
    if (next.status === 'failed') seen.add(`a delivery that failed, ${next.failure}`)
    if (next.status === 'cancelled') seen.add('a digest that nobody wants any more')
    if (next.status === 'pending') seen.add(exchanges === 0 ? 'a delivery that was put off' : 'a retry')
    if (exchanges === 2) seen.add('a second try at once')
    if (suspend !== undefined) seen.add('a suspension')
    if (blockedUntil !== undefined) seen.add('a cooldown')
  }
}
