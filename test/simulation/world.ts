import type { AttemptRecord, ConnectionRecord, DeliveryRecord, OpenDigest, Store } from '../../src/contracts/index.ts'
import type { DispatcherOptions } from '../../src/index.ts'
import { memoryStore } from '../../src/stores/memory.ts'
import { createDestinations } from './destination.ts'
import { createWeather } from './faulty-store.ts'
import { createHost } from './host.ts'
import { createJournal, type Entry } from './journal.ts'
import { createProcesses, type Process } from './processes.ts'
import { createRandom, type Random } from './random.ts'
import { recordingStore } from './recording-store.ts'
import { DAY, HOUR, MINUTE, type Profile, randomProfile, SECOND } from './settings.ts'
import { createTimeline } from './timeline.ts'

/** A fault that is planted in a world, to see whether it is found. */
export interface Mutant {
  /** Stands between the dispatchers and the store; what it does is in the journal as if the store had done it. */
  store?(inner: Store): Store
  dispatcher?(options: DispatcherOptions): DispatcherOptions
}

/** What happened in a world, and what was left of it. */
export interface History {
  readonly seed: number
  readonly profile: Profile
  readonly entries: readonly Entry[]
  readonly deliveries: readonly (DeliveryRecord & { readonly log: readonly AttemptRecord[] })[]
  readonly openDigests: readonly OpenDigest[]
  readonly connections: readonly ConnectionRecord[]
  /** It did not come to rest, and why. */
  readonly stuck: readonly string[]
}

/** Ticks that the end of a world may take. */
const MAX_TICKS = 1500

/** One seed, one world: the same one each time. */
export async function runWorld(seed: number, mutant: Mutant = {}): Promise<History> {
  const random = createRandom(seed)
  const profile = randomProfile(random)
  const timeline = createTimeline(profile)
  const journal = createJournal(timeline)
  const stuck: string[] = []
  const inner = memoryStore()
  const weather = createWeather(profile.faults, random.fork())
  const destinations = createDestinations({
    timeline,
    journal,
    random: random.fork(),
    failPercent: profile.failPercent,
  })
  const processes = createProcesses({
    profile,
    timeline,
    journal,
    weather,
    destinations,
    random: random.fork(),
    storeOf: recordingStore(mutant.store?.(inner) ?? inner, journal, profile.orgs),
    disguise: (options) => mutant.dispatcher?.(options) ?? options,
  })
  const jump = (ms: number): void => {
    timeline.jump(ms)
    journal.add('-', { kind: 'jump', ms })
  }
  const host = createHost({ profile, random: random.fork(), timeline, processes, onJump: jump })
  const pauses = random.fork()

  /** Lets time pass until a call is answered. */
  async function answered<T>(promise: Promise<T>): Promise<T | undefined> {
    let answer: { readonly value: T } | undefined
    void promise.then((value) => {
      answer = { value }
    })
    await timeline.run(DAY, () => answer !== undefined)
    return answer?.value
  }

  async function live(): Promise<void> {
    for (let n = 0; n < profile.processes; n++) processes.spawn(pauses.chance(0.8))
    for (let n = 0; n < profile.connections; n++) void host.connect(pauses.pick(processes.usable()))
    await timeline.run(profile.faults.timeoutMs * 4)
    for (let n = 0; n < profile.actions; n++) {
      host.act()
      await timeline.run(randomPause(pauses, profile.scale))
    }
  }

  /** Everything is repaired, and one last process works off what is left, however long it takes. */
  async function rest(): Promise<void> {
    weather.calm()
    destinations.calm()
    journal.add('-', { kind: 'calm' })
    await timeline.run(2 * MINUTE)
    const others = processes.usable()
    const last = processes.spawn(false)
    await repair(last)
    for (const process of others) {
      if (pauses.chance(0.5)) process.crash()
      else process.close({ graceMs: SECOND })
    }
    await timeline.run(2 * MINUTE)
    // the clocks of some of them may be an hour behind what they wait for
    if (processes.unanswered().length > 0) await timeline.run(4 * HOUR)
    stuck.push(...processes.unanswered().map((call) => `never answered: ${call}`))
    for (let ticks = 0; ; ticks++) {
      const done = await answered(last.ask('tick', undefined, (own) => own.tick()))
      if (done === undefined || ticks === MAX_TICKS) {
        stuck.push(done === undefined ? 'the last tick failed' : `no rest after ${MAX_TICKS} ticks`)
        return
      }
      if (done.nextDueAt === null) return
      await timeline.run(Math.max(1, done.nextDueAt - timeline.wall()))
    }
  }

  async function repair(last: Process): Promise<void> {
    for (const orgId of profile.orgs) {
      const page = await answered(last.ask('list', { orgId }, (own) => own.connections.list({ orgId })))
      for (const { id, status, config } of page?.items ?? []) {
        const ref = { orgId, id }
        if (config.channel === undefined) {
          const complete = { ...ref, config: { channel: 'c' } }
          await answered(last.ask('update', complete, (own) => own.connections.update(complete)))
        }
        if (status !== 'active' && status !== 'incomplete')
          await answered(last.ask('resume', ref, (own) => own.connections.resume(ref)))
        if (pauses.chance(0.5)) continue
        const missed = { orgId, connectionId: id, since: 0 }
        await answered(last.ask('replay', missed, (own) => own.deliveries.replay(missed)))
      }
    }
  }

  // it would end the process of the host
  const onUnhandled = (error: unknown): void => void stuck.push(`a rejection that nobody handles: ${error}`)
  process.on('unhandledRejection', onUnhandled)
  const uninstall = timeline.install()
  try {
    await live()
    await rest()
  } catch (error) {
    stuck.push(error instanceof Error ? error.message : String(error))
  } finally {
    uninstall()
    process.off('unhandledRejection', onUnhandled)
  }

  const pages = profile.orgs.map((orgId) => inner.deliveries.list({ orgId, limit: 1000 }))
  const deliveries = (await Promise.all(pages)).flatMap((page) => page.items)
  return {
    seed,
    profile,
    entries: journal.entries(),
    deliveries: await Promise.all(
      deliveries.map(async (one) => ({
        ...one,
        log: await inner.deliveries.attempts({ orgId: one.orgId, id: one.id }),
      })),
    ),
    openDigests: (await inner.digests.list({ limit: 1000 })).items,
    connections: (await inner.connections.list({ limit: 1000 })).items,
    stuck,
  }
}

function randomPause(random: Random, scale: Profile['scale']): number {
  const ms = random.weighted({ none: 3, blink: 3, short: 3, long: 2 })
  if (ms === 'none') return 0
  if (ms === 'blink') return random.int(1, 50)
  if (ms === 'short') return scale === 'fast' ? random.int(100, 5 * SECOND) : random.int(SECOND, 10 * MINUTE)
  return scale === 'fast' ? random.int(5 * SECOND, MINUTE) : random.int(10 * MINUTE, 6 * HOUR)
}
