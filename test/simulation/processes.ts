import type { Store } from '../../src/contracts/index.ts'
import type { Dispatcher } from '../../src/dispatcher-api.ts'
import { isSignalboxError } from '../../src/errors.ts'
import { createDispatcher, type DispatcherOptions } from '../../src/index.ts'
import type { Destinations } from './destination.ts'
import { faultyStore, type Weather } from './faulty-store.ts'
import type { Journal } from './journal.ts'
import type { Random } from './random.ts'
import { catalog, type Profile, SECOND } from './settings.ts'
import type { Timeline } from './timeline.ts'

/** A process of the host, with a dispatcher of its own over the store that all of them share. */
export interface Process {
  readonly name: string
  readonly dispatcher: Dispatcher
  /** Neither crashed nor closing: the host may call it. */
  isUsable(): boolean
  /** Ends it between two of its steps: no call returns, no timer fires, nothing is given back. */
  crash(): void
  close(options: Parameters<Dispatcher['close']>[0]): void
  /** Calls it as the host does; what it answers is in the journal. Resolves when it has, and never where it crashes. */
  ask<T>(name: string, input: unknown, run: (dispatcher: Dispatcher) => Promise<T>): Promise<T | undefined>
}

export interface Processes {
  /** `works`: it runs the built-in engine; the host calls `tick` of the others. */
  spawn(works: boolean): Process
  usable(): readonly Process[]
  /** Calls that a process which lives has not answered. */
  unanswered(): readonly string[]
}

const START_AGAIN_MS = 2 * SECOND

export function createProcesses(deps: {
  readonly profile: Profile
  readonly timeline: Timeline
  readonly journal: Journal
  readonly weather: Weather
  readonly destinations: Destinations
  readonly random: Random
  readonly storeOf: (process: string) => Store
  /** For faults that are planted to see whether they are found. */
  readonly disguise: (options: DispatcherOptions) => DispatcherOptions
}): Processes {
  const { profile, timeline, journal, weather } = deps
  const processes: Process[] = []
  const waiting = new Map<number, { readonly name: string; readonly isAlive: () => boolean }>()
  let calls = 0
  let ids = 0

  function spawn(works: boolean): Process {
    const name = `p${processes.length + 1}`
    let alive = true
    let closing = false
    const isAlive = (): boolean => alive
    journal.add(name, { kind: 'spawn' })
    const log = (fields: Readonly<Record<string, unknown>>, message: string): void => {
      const error = fields.error instanceof Error ? `${fields.error.name}: ${fields.error.message}` : ''
      journal.add(name, { kind: 'log', message, error })
    }
    const silent = (): void => {}
    const dispatcher = createDispatcher(
      deps.disguise({
        catalog,
        store: faultyStore(deps.storeOf(name), { timeline, weather, journal, process: name, isAlive }),
        transports: deps.destinations.transportsOf(name, isAlive),
        clock: timeline.clock(isAlive),
        random: deps.random.fork().next,
        ids: (prefix) => `${prefix}_${String(++ids).padStart(6, '0')}`,
        worker: profile.worker,
        retry: profile.retry,
        health: profile.health,
        limits: { retainEventsMs: profile.retainEventsMs },
        encryption: false,
        http: { request: () => Promise.reject(new Error('there is no network')), check: silent, close: async () => {} },
        organisation: (orgId) => ({ name: `Name of ${orgId}`, settingsUrl: 'https://app.example.com/settings' }),
        logger: { debug: silent, info: silent, warn: log, error: log },
      }),
    )

    const ask: Process['ask'] = (title, input, run) => {
      const call = ++calls
      journal.add(name, { kind: 'call', call, name: title, input })
      waiting.set(call, { name: `${title} (call ${call}) of ${name}`, isAlive })
      return run(dispatcher).then(
        (value) => {
          waiting.delete(call)
          journal.add(name, { kind: 'answer', call, name: title, value })
          return value
        },
        (error: unknown) => {
          waiting.delete(call)
          const known = isSignalboxError(error)
          const message = error instanceof Error ? error.message : String(error)
          journal.add(name, { kind: 'refusal', call, name: title, code: known ? error.code : 'not ours', message })
          return undefined
        },
      )
    }

    const process: Process = {
      name,
      dispatcher,
      isUsable: () => alive && !closing,
      crash() {
        alive = false
        journal.add(name, { kind: 'crash' })
      },
      close(options) {
        closing = true
        journal.add(name, { kind: 'closing' })
        void ask('close', options, (own) => own.close(options)).then(() => journal.add(name, { kind: 'closed' }))
      },
      ask,
    }
    processes.push(process)
    if (works) begin(process)
    return process
  }

  /** A host that could not start its worker tries again. */
  function begin(process: Process): void {
    if (!process.isUsable()) return
    void process
      .ask('start', undefined, async (own) => {
        await own.start()
        return true
      })
      .then((started) => {
        if (started === undefined) timeline.after(START_AGAIN_MS, () => begin(process))
      })
  }

  return {
    spawn,
    usable: () => processes.filter((one) => one.isUsable()),
    unanswered: () => [...waiting.values()].filter((one) => one.isAlive()).map((one) => one.name),
  }
}
