import { setTimeout as pause } from 'node:timers/promises'
import type pg from 'pg'
import type { Store } from '../../../src/contracts/index.ts'
import { isSignalboxError } from '../../../src/errors.ts'
import type { Relay } from '../../support/relay.ts'
import { seededRandom } from '../settings.ts'
import { type Ground, openGround, openWay } from './ground.ts'
import { type StoreCall, storeCalls, viewOf } from './store-calls.ts'

/** `lost request`: the server never hears of it. `lost answer`: it has done what it was asked for, and nobody knows. */
type Harm = 'lost request' | 'lost answer'
/** `silence`: the connection stays, and nothing comes any more. */
type Manner = 'cut' | 'silence'

export interface CallSite {
  readonly call: StoreCall
  /** 1 is the first; `connect`: that in which a connection is made. */
  readonly trip: number | 'connect'
  readonly harm: Harm
  readonly manner: Manner
}

export interface CallSiteReport {
  readonly methods: number
  readonly sites: number
  readonly cut: number
  readonly silent: number
  readonly delayed: number
  readonly resolved: number
  readonly rejected: number
  /** Of those that were rejected. */
  readonly applied: number
  readonly problems: readonly string[]
}

/** Of the stores whose peer goes silent: short, so that the suite is. */
const SHORT = { lockTimeoutMs: 300, statementTimeoutMs: 500 } as const
const SETTLED_WITHIN_MS = 30_000
const LANES = 6

/**
 * Calls each method of the Postgres store over a way that fails at one of its round trips, and sees that the call
 * settles, that it was done or not done, that the store can be used afterwards, and that a caller who asks again gets
 * what it wants. `share`: of the sites, chosen by the seed; delays always, each method once.
 */
export async function runCallSites(options: {
  readonly seed: number
  readonly share: number
}): Promise<CallSiteReport> {
  const random = seededRandom(options.seed)
  const grounds = await Promise.all(Array.from({ length: LANES }, () => openGround()))
  try {
    const problems: string[] = []
    const counts = { cut: 0, silent: 0, delayed: 0, resolved: 0, rejected: 0, applied: 0 }
    const known = new Map<StoreCall, Peaceful>()
    await share(
      grounds,
      storeCalls.map((call) => async (ground) => void known.set(call, await peaceful(ground, call))),
    )
    const all = [...known].flatMap(([call, { trips }]) => sitesOf(call, trips))
    const sites = all.filter(() => random() < options.share)
    const work: Work[] = sites.map((site) => async (ground) => {
      const name = `${site.call.name}, trip ${site.trip}, ${site.harm}, ${site.manner}`
      const outcome = await faulty(ground, site, expected(known, site.call)).catch(thrown(name, problems))
      if (outcome === undefined) return
      counts[site.manner === 'cut' ? 'cut' : 'silent']++
      counts[outcome.resolved ? 'resolved' : 'rejected']++
      if (!outcome.resolved && outcome.applied) counts.applied++
      problems.push(...outcome.problems.map((problem) => `${name}: ${problem}`))
    })
    for (const call of storeCalls) {
      work.push(async (ground) => {
        const found = await delayed(ground, call, expected(known, call), random).catch(thrown(call.name, problems))
        counts.delayed++
        problems.push(...(found ?? []).map((problem) => `${call.name}, delayed: ${problem}`))
      })
    }
    await share(grounds, work)
    return { methods: storeCalls.length, sites: all.length, ...counts, problems }
  } finally {
    await Promise.all(grounds.map((ground) => ground.close()))
  }
}

type Work = (ground: Ground) => Promise<void>

/** Each ground takes the next as soon as it has ended one. */
async function share(grounds: readonly Ground[], work: readonly Work[]): Promise<void> {
  const left = [...work]
  await Promise.all(
    grounds.map(async (ground) => {
      for (let next = left.shift(); next !== undefined; next = left.shift()) await next(ground)
    }),
  )
}

function sitesOf(call: StoreCall, trips: number): readonly CallSite[] {
  const numbered = Array.from({ length: trips }, (_, n) => n + 1)
  return (['connect', ...numbered] as const).flatMap((trip) =>
    (['lost request', 'lost answer'] as const).flatMap((harm) =>
      (['cut', 'silence'] as const).map((manner) => ({ call, trip, harm, manner })),
    ),
  )
}

function expected(known: ReadonlyMap<StoreCall, Peaceful>, call: StoreCall): Peaceful {
  const found = known.get(call)
  if (found === undefined) throw new Error(`not run: ${call.name}`)
  return found
}

const thrown = (name: string, problems: string[]) => (error: unknown) => {
  problems.push(`${name}: ${error instanceof Error ? error.stack : String(error)}`)
  return undefined
}

// ---------------------------------------------------------------------------------------------- without faults

interface Peaceful {
  readonly trips: number
  readonly before: string
  readonly after: string
  /** After the caller asked again. */
  readonly last: string
}

async function peaceful(ground: Ground, call: StoreCall): Promise<Peaceful> {
  const calm = await ground.empty()
  const leased = (await call.prepare?.(calm)) ?? []
  const before = await viewOf(calm)
  const way = await openWay({})
  try {
    const store = ground.open(way.pool)
    await way.pool.query('SELECT 1')
    way.relay.mend()
    await call.call(store, leased)
    const trips = way.relay.seen('up')
    const after = await viewOf(calm)
    await askAgain(call, calm, leased)
    return { trips, before, after, last: await viewOf(calm) }
  } finally {
    await way.close()
  }
}

/** Someone else may have done it meanwhile: the caller itself. */
async function askAgain(call: StoreCall, store: Store, leased: Parameters<StoreCall['call']>[1]): Promise<void> {
  try {
    await (call.again ?? call.call)(store, leased)
  } catch (error) {
    if (!isSignalboxError(error, 'conflict')) throw error
  }
}

// ---------------------------------------------------------------------------------------------- with one

interface Outcome {
  readonly resolved: boolean
  readonly applied: boolean
  readonly problems: readonly string[]
}

async function faulty(ground: Ground, site: CallSite, peace: Peaceful): Promise<Outcome> {
  const { call, trip, harm, manner } = site
  const calm = await ground.empty()
  const leased = (await call.prepare?.(calm)) ?? []
  // a pool that gives up by itself, and one that does not
  const way = await openWay(trip === 'connect' && harm === 'lost answer' ? { connectionTimeoutMillis: 400 } : {})
  const { relay, pool } = way
  const problems: string[] = []
  try {
    const store = ground.open(pool, manner === 'silence' ? SHORT : {})
    if (trip !== 'connect') await pool.query('SELECT 1')
    const at = { direction: harm === 'lost request' ? 'up' : 'down', packet: trip === 'connect' ? 1 : trip } as const
    if (manner === 'cut') relay.cut(at)
    else relay.stall(at)
    const error = await failureOf(call.call(store, leased))
    if (error !== undefined && !isSignalboxError(error, 'store_failed'))
      problems.push(`rejected with ${describe(error)}`)

    let applied: boolean
    if (manner === 'cut') {
      relay.mend()
      await gone(relay, pool)
      applied = judge(await viewOf(calm), error)
      await askAgain(call, store, leased)
    } else {
      // asked again over another connection; then what was held back arrives after all
      await askAgain(call, calm, leased)
      applied = false
      relay.mend()
      await gone(relay, pool)
    }
    const last = await viewOf(calm)
    if (last !== peace.last) problems.push(`asked again, it is ${differenceOf(last, peace.last)}`)
    await usable(store)
    const { totalCount, idleCount, waitingCount } = pool
    if (totalCount !== idleCount || waitingCount > 0) {
      problems.push(`of ${totalCount} connections ${idleCount} are idle, ${waitingCount} wait`)
    }
    return { resolved: error === undefined, applied, problems }
  } finally {
    await way.close()
  }

  function judge(view: string, error: unknown): boolean {
    if (error === undefined && view !== peace.after)
      problems.push(`resolved, and is ${differenceOf(view, peace.after)}`)
    if (!call.inPortions && view !== peace.before && view !== peace.after)
      problems.push(`half done: ${differenceOf(view, peace.after)}`)
    return view === peace.after
  }
}

async function delayed(
  ground: Ground,
  call: StoreCall,
  peace: Peaceful,
  random: () => number,
): Promise<readonly string[]> {
  const calm = await ground.empty()
  const leased = (await call.prepare?.(calm)) ?? []
  const way = await openWay({})
  try {
    way.relay.delay(() => random() * 15)
    await call.call(ground.open(way.pool), leased)
    const after = await viewOf(calm)
    return after === peace.after ? [] : [`it is ${differenceOf(after, peace.after)}`]
  } finally {
    await way.close()
  }
}

/** @throws when the call does not settle */
async function failureOf(call: Promise<unknown>): Promise<unknown> {
  const late = new AbortController()
  const tooLate = pause(SETTLED_WITHIN_MS, undefined, { signal: late.signal }).then(() => {
    throw new Error(`not settled within ${SETTLED_WITHIN_MS} ms`)
  })
  const settled = call.then(
    () => undefined,
    (error: unknown) => error ?? new Error('rejected with nothing'),
  )
  try {
    return await Promise.race([settled, tooLate])
  } finally {
    tooLate.catch(() => undefined)
    late.abort()
  }
}

/** Until no connection is left at the server but those of the pool. */
async function gone(relay: Relay, pool: pg.Pool): Promise<void> {
  const giveUpAt = performance.now() + SETTLED_WITHIN_MS
  while (relay.open() > pool.totalCount || pool.totalCount > pool.idleCount) {
    if (performance.now() > giveUpAt) {
      throw new Error(`${relay.open()} connections are open; the pool has ${pool.totalCount}, ${pool.idleCount} idle`)
    }
    await pause(5)
  }
}

/** A busy machine may take longer than the short limits. */
async function usable(store: Store): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      await store.deliveries.nextDueAt(['webhook'])
      return
    } catch (error) {
      if (tries === 10) throw error
    }
  }
}

function describe(error: unknown): string {
  return error instanceof Error ? `${error.name} ${'code' in error ? error.code : ''}: ${error.message}` : String(error)
}

/** The first line in which two views differ. */
function differenceOf(view: string, wanted: string): string {
  const [lines, others] = [view.split('\n'), wanted.split('\n')]
  const at = lines.findIndex((line, index) => line !== others[index])
  return `${lines[at]} where ${others[at]} was to be (line ${at})`
}
