import type { Store } from '../../src/contracts/index.ts'
import { SignalboxError } from '../../src/errors.ts'
import type { Journal } from './journal.ts'
import type { Random } from './random.ts'
import type { Timeline } from './timeline.ts'

/** What may go wrong with one call of a store, as its caller sees it. */
export type Fault =
  /** Refused; nothing happened. */
  | 'error'
  /** It happened, and the answer is an error. */
  | 'lost answer'
  /** No answer until the client gives up; nothing happened. */
  | 'timeout'
  /** The same, and it happens after all, later. */
  | 'late'

export interface FaultSettings {
  /** Of a hundred calls, so many have a fault. */
  readonly percent: number
  /** Of a hundred calls, so many take their time. */
  readonly slowPercent: number
  /** Longest such time, in ms. */
  readonly slowMs: number
  /** When a client gives up, in ms. */
  readonly timeoutMs: number
}

/** What goes wrong in a world, until it is told to calm down. */
export interface Weather {
  next(): { readonly fault?: Fault; readonly beforeMs: number; readonly afterMs: number; readonly lateMs: number }
  /** Whether a call that was on its way when its process died still arrives. */
  survives(): boolean
  readonly timeoutMs: number
  calm(): void
}

export function createWeather(settings: FaultSettings, random: Random): Weather {
  let isCalm = false
  const slow = (): number => (random.chance(settings.slowPercent / 100) ? random.int(0, settings.slowMs) : 0)
  return {
    next() {
      if (isCalm) return { beforeMs: 0, afterMs: 0, lateMs: 0 }
      const fault = random.chance(settings.percent / 100)
        ? random.weighted({ error: 3, 'lost answer': 4, timeout: 1, late: 1 })
        : undefined
      return { ...(fault && { fault }), beforeMs: slow(), afterMs: slow(), lateMs: random.int(0, settings.slowMs * 4) }
    },
    survives: () => random.chance(0.5),
    timeoutMs: settings.timeoutMs,
    calm() {
      isCalm = true
    },
  }
}

const REPOSITORIES = ['connections', 'deliveries', 'events', 'digests', 'keys'] as const

/** The store as one process sees it: over a network, which loses calls and answers, and ends with the process. */
export function faultyStore(
  inner: Store,
  deps: {
    readonly timeline: Timeline
    readonly weather: Weather
    readonly journal: Journal
    readonly process: string
    readonly isAlive: () => boolean
  },
): Store {
  const { timeline, weather, isAlive } = deps

  async function call(method: string, apply: () => Promise<unknown>): Promise<unknown> {
    if (!isAlive()) return never()
    const { fault, beforeMs, afterMs, lateMs } = weather.next()
    if (fault !== undefined) deps.journal.add(deps.process, { kind: 'fault', method, fault })
    if (fault === 'timeout' || fault === 'late') {
      // what becomes of it is nobody's concern any more
      if (fault === 'late') timeline.after(weather.timeoutMs + lateMs, () => void apply().catch(() => undefined))
      await timeline.wait(weather.timeoutMs)
      return isAlive() ? Promise.reject(failed('no answer')) : never()
    }
    if (beforeMs > 0) await timeline.wait(beforeMs)
    if (!isAlive() && !weather.survives()) return never()
    if (fault === 'error') return isAlive() ? Promise.reject(failed('refused')) : never()
    const answer = await apply().then(
      (value) => ({ value }),
      (error: unknown) => ({ error }),
    )
    if (afterMs > 0) await timeline.wait(afterMs)
    if (!isAlive()) return never()
    if (fault === 'lost answer') throw failed('the answer was lost')
    if ('error' in answer) throw answer.error
    return answer.value
  }

  const wrapped = <R extends object>(name: string, repository: R): R =>
    new Proxy(repository, {
      get(target, property) {
        const method: unknown = Reflect.get(target, property)
        if (typeof method !== 'function') return method
        return (...args: unknown[]) => call(`${name}.${String(property)}`, () => Reflect.apply(method, target, args))
      },
    })

  const store = { ...inner, setup: async () => void (await call('setup', () => inner.setup())) }
  for (const name of REPOSITORIES) Object.assign(store, { [name]: wrapped(name, inner[name]) })
  return store
}

/** A new one each time: what waits for it is forgotten with it. */
const never = (): Promise<never> => new Promise(() => {})

function failed(why: string): SignalboxError {
  return new SignalboxError('store_failed', why)
}
