import type { Commit, Entry, What } from './journal.ts'
import type { History } from './world.ts'

/** What happened in a world, a line for each step, for people. */
export function traceOf({ seed, profile, entries }: History): readonly string[] {
  const head = [`seed ${seed}, from ${new Date(profile.startAt).toISOString()}`, JSON.stringify(profile)]
  return [...head, ...entries.map(line)]
}

function line({ n, elapsed, at, process, what }: Entry): string {
  const time = `${new Date(at).toISOString().slice(5, 23)} +${(elapsed / 1000).toFixed(3)}s`
  return `${String(n).padStart(5)} ${time} ${process.padEnd(3)} ${inWords(what)}`
}

function inWords(what: What): string {
  switch (what.kind) {
    case 'jump':
      return `the clock jumps by ${what.ms} ms`
    case 'call':
      return `→ ${what.name} #${what.call} ${cut(what.input)}`
    case 'answer':
      return `← ${what.name} #${what.call} ${cut(what.value)}`
    case 'refusal':
      return `← ${what.name} #${what.call} refused: ${what.code}, ${what.message}`
    case 'fault':
      return `! ${what.method}: ${what.fault}`
    case 'request': {
      const { request, message, deliveryId, connectionId, attempt, eventIds, total } = what
      const of = total === undefined ? eventIds.join(' ') : `${eventIds.join(' ')} of ${total}`
      return `⇒ request ${request}: ${message} ${deliveryId} to ${connectionId}, attempt ${attempt}: ${of}`
    }
    case 'arrival':
      return `  request ${what.request} arrives`
    case 'response':
      return `⇐ request ${what.request}: ${typeof what.outcome === 'string' ? what.outcome : cut(what.outcome)}`
    case 'log':
      return `  logs: ${what.message} ${what.error}`
    case 'commit': {
      const sealed = (what.seen.sealed ?? []).map((one) => ` sealed ${one.id} ${cut(one.digest)}`)
      return `= ${committed(what.commit, what.seen.connections)}${sealed.join()}`
    }
    default:
      return `* ${what.kind}`
  }
}

function committed(commit: Commit, connections: readonly { readonly id: string }[] = []): string {
  switch (commit.method) {
    case 'enqueue': {
      const { events, deliveries, collect } = commit.batch
      const parts = [
        ...events.map((one) => `${one.id} (${one.title}, ${one.importance})`),
        ...deliveries.map((one) => `${one.id} to ${one.connectionId} due ${iso(one.dueAt)}`),
        ...collect.map(
          (one) =>
            `${one.eventId} into '${one.key}' of ${one.connectionId} until ${iso(one.closesAt)}/${iso(one.mustCloseAt)}`,
        ),
        ...commit.result.duplicates.map((one) => `${one.id} was known`),
      ]
      return `enqueue ${parts.join('; ')}`
    }
    case 'claim': {
      const { request, result } = commit
      const taken = result.deliveries.map((one) => `${one.id} by ${one.token}`).join(', ')
      return `claim at ${iso(request.now)}: ${taken || 'nothing'}; next ${result.nextAt === null ? 'never' : iso(result.nextAt)}`
    }
    case 'settle': {
      const told = commit.settlements.map(
        (one) => `${one.deliveryId} by ${one.token}, ${one.exchanges} exchanges, ${cut(one.next)}`,
      )
      return `settle ${told.join('; ')}${commit.result.stale.length > 0 ? `; too late: ${commit.result.stale.join()}` : ''}`
    }
    case 'connection':
      return `connection ${cut(connections.find((one) => one.id === commit.connectionId))}`
    default:
      return `${commit.method} ${cut({ ...commit, method: undefined })}`
  }
}

const MAX_LENGTH = 600

function cut(value: unknown): string {
  const text = value === undefined ? '' : JSON.stringify(value)
  return text.length > MAX_LENGTH ? `${text.slice(0, MAX_LENGTH)}…` : text
}

function iso(at: number): string {
  return Number.isFinite(at) ? new Date(at).toISOString().slice(5, 23) : 'never'
}
