import type { EventInput } from '../../src/contracts/index.ts'
import type { Process, Processes } from './processes.ts'
import type { Random } from './random.ts'
import {
  DAY,
  HOUR,
  IMPORTANCES,
  MINUTE,
  type Profile,
  randomDigest,
  randomQuietHours,
  randomSettings,
  randomSubscription,
  SECOND,
  TYPES,
} from './settings.ts'
import type { Timeline } from './timeline.ts'

/** What the host does: each call is one random action of one of its processes. */
export interface Host {
  act(): void
  connect(process: Process): Promise<unknown>
}

interface Ref {
  readonly orgId: string
  readonly id: string
}

const ACTIONS = {
  dispatch: 10,
  burst: 4,
  many: 2,
  duplicate: 2,
  dedupe: 2,
  wait: 2,
  pause: 2,
  resume: 2,
  update: 3,
  remove: 0.5,
  connect: 0.5,
  retry: 1.5,
  cancel: 1.5,
  retryFailed: 1,
  replay: 2,
  flush: 1.5,
  peek: 0.5,
  test: 1,
  purge: 1,
  erase: 0.1,
  crash: 2,
  close: 1,
  tick: 2,
  drain: 0.5,
  jump: 2,
} as const

export function createHost(deps: {
  readonly profile: Profile
  readonly random: Random
  readonly timeline: Timeline
  readonly processes: Processes
  readonly onJump: (ms: number) => void
}): Host {
  const { profile, random, timeline, processes } = deps
  const connections: Ref[] = []
  const dispatched: EventInput[] = []
  let events = 0
  let connected = 0

  const org = (): string => random.pick(profile.orgs)
  const event = (): EventInput => {
    const n = ++events
    return {
      ...(random.chance(0.8) ? { id: `evt_${n}` } : {}),
      orgId: org(),
      type: random.pick(TYPES),
      // tells which call brought it
      title: `Event ${n}`,
      body: '',
      href: `https://app.example.com/events/${n}`,
      ...(random.chance(0.4) ? { importance: random.pick(IMPORTANCES) } : {}),
      ...(random.chance(0.5) ? { metadata: { matter: random.pick(['a', 'b']) } } : {}),
    }
  }

  function dispatch(process: Process, given: EventInput, wait = false): void {
    if (given.id !== undefined) dispatched.push(given)
    const options = wait ? { wait, waitMs: random.pick([0, 100, 20 * SECOND]) } : undefined
    void process.ask('dispatch', given, (own) => own.dispatch(given, options))
  }

  async function connect(process: Process): Promise<unknown> {
    const ref = { orgId: org(), id: `con_${++connected}` }
    const config = random.chance(0.95) ? { channel: 'c' } : {}
    const transport = random.pick(['plain', 'plain', 'paced'])
    const input = { ...ref, transport, config, ...randomSettings(random, profile) }
    connections.push(ref)
    return process.ask('create', input, (own) => own.connections.create(input))
  }

  function patch(ref: Ref) {
    const change = random.pick(['digest', 'quietHours', 'pace', 'ordering', 'subscription', 'config', 'maxInFlight'])
    switch (change) {
      case 'digest':
        return { ...ref, digest: random.chance(0.3) ? null : randomDigest(random, profile.scale) }
      case 'quietHours':
        return { ...ref, quietHours: random.chance(0.3) ? null : randomQuietHours(random, profile.startAt) }
      case 'pace':
        return { ...ref, pace: random.pick([null, false, { perSecond: 0.1, burst: 3 }] as const) }
      case 'ordering':
        return { ...ref, ordering: random.pick([null, 'fifo'] as const) }
      case 'subscription':
        return { ...ref, categories: [], eventTypes: [], minImportance: null, ...randomSubscription(random) }
      case 'config':
        return { ...ref, config: random.chance(0.5) ? { channel: 'd' } : {} }
      default:
        return { ...ref, maxInFlight: random.pick([null, 1]) }
    }
  }

  /** Something is done with one of the deliveries that an organisation has. */
  async function withDelivery(process: Process, name: 'retry' | 'cancel', statuses: readonly ('pending' | 'failed')[]) {
    const query = { orgId: org(), status: statuses, limit: 20 }
    const page = await process.ask('list', query, (own) => own.deliveries.list(query))
    if (page === undefined || page.items.length === 0 || !process.isUsable()) return
    const { orgId, id } = random.pick(page.items)
    const call = { orgId, id }
    void process.ask(name, call, (own) => own.deliveries[name](call))
  }

  const since = (): number => (random.chance(0.5) ? 0 : Math.max(0, timeline.wall() - random.int(0, 6 * HOUR)))

  function perform(action: keyof typeof ACTIONS, process: Process): void {
    const ref = connections.length === 0 ? undefined : random.pick(connections)
    const of = ref && { orgId: ref.orgId, connectionId: ref.id }
    switch (action) {
      case 'dispatch':
        dispatch(process, event())
        return
      case 'burst': {
        for (let n = random.int(2, 5); n > 0; n--) dispatch(random.pick(processes.usable()), event())
        return
      }
      case 'many': {
        const given = Array.from({ length: random.int(1, 4) }, event)
        void process.ask('dispatchMany', given, (own) => own.dispatchMany(given))
        return
      }
      case 'duplicate': {
        if (dispatched.length === 0) return
        const { id, ...rest } = random.pick(dispatched)
        dispatch(process, { ...rest, ...(id === undefined ? {} : { id }), title: `Event ${++events}` })
        return
      }
      case 'dedupe': {
        const { id: _id, ...given } = event()
        const dedupe = { key: random.pick(['x', 'y']), everyMs: random.pick([SECOND, HOUR]) }
        void process.ask('dispatch', given, (own) => own.dispatch(given, { dedupe }))
        return
      }
      case 'wait':
        dispatch(process, event(), true)
        return
      case 'pause':
      case 'resume':
        if (ref) void process.ask(action, ref, (own) => own.connections[action](ref))
        return
      case 'update': {
        if (ref === undefined) return
        const input = patch(ref)
        void process.ask('update', input, (own) => own.connections.update(input))
        return
      }
      case 'remove':
        if (ref) void process.ask('delete', ref, (own) => own.connections.delete(ref))
        return
      case 'connect':
        void connect(process)
        return
      case 'retry':
        void withDelivery(process, 'retry', ['failed'])
        return
      case 'cancel':
        void withDelivery(process, 'cancel', ['pending'])
        return
      case 'retryFailed':
      case 'replay': {
        if (of === undefined) return
        const call = { ...of, since: since() }
        void process.ask<unknown>(action, call, (own) => own.deliveries[action](call))
        return
      }
      case 'flush':
        if (of) void process.ask('flush', of, (own) => own.digests.flush(of))
        return
      case 'peek':
        if (of) void process.ask('peek', of, (own) => own.digests.peek(of))
        return
      case 'test':
        if (ref) void process.ask('test', ref, (own) => own.connections.test(ref))
        return
      case 'purge': {
        const input = { olderThanMs: random.pick([0, MINUTE, HOUR, DAY]) }
        void process.ask('purge', input, (own) => own.purge(input))
        return
      }
      case 'erase': {
        const input = { orgId: org() }
        void process.ask('erase', input, (own) => own.purge(input))
        return
      }
      case 'crash':
        // in the middle of what it has just been told, or later
        timeline.after(random.pick([0, random.int(0, 30), random.int(0, 5 * SECOND)]), () => end(process, true))
        return
      case 'close':
        end(process, false)
        return
      case 'tick': {
        const input = { budgetMs: random.pick([SECOND, 20 * SECOND]) }
        void process.ask('tick', input, (own) => own.tick(input))
        return
      }
      case 'drain':
        void process.ask('drain', undefined, (own) => own.drain())
        return
      case 'jump': {
        if (!profile.jumps) return
        const ms = random.pick([-HOUR, HOUR, random.int(-HOUR, HOUR), random.int(-SECOND, SECOND)])
        deps.onJump(ms)
      }
    }
  }

  function end(process: Process, crash: boolean): void {
    if (!process.isUsable()) return
    if (crash) process.crash()
    else {
      process.close({
        graceMs: random.pick([0, SECOND, 10 * SECOND]),
        ...(random.chance(0.3) ? { digests: 'flush' } : {}),
      })
    }
    // another one takes its place at once, or the last one is replaced before the next action
    if (random.chance(0.6)) processes.spawn(random.chance(0.8))
  }

  return {
    act() {
      const usable = processes.usable()
      const process = usable.length === 0 ? processes.spawn(true) : random.pick(usable)
      perform(random.weighted(ACTIONS), process)
    },
    connect,
  }
}
