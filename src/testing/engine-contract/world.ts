import assert from 'node:assert/strict'
import type { Engine, EngineHandler } from '../../contracts/index.ts'
import type { EngineGround } from '../engine-contract.ts'
import type { FakeClock } from '../fake-clock.ts'

/** One statement of the contract. */
export interface Case {
  readonly name: string
  /** Only for engines that tell other processes. */
  readonly shared?: true
  /** How often engines look by themselves, in ms. @default never, as far as the case can tell */
  readonly sweepMs?: number
  run(world: World): Promise<void>
}

/** A delivery that was worked off. */
export interface Taken {
  readonly id: string
  /** The process that did it: the number of its `begin`, from 0. */
  readonly by: number
  /** Epoch ms. */
  readonly at: number
}

/** What a process of a case does beside taking what is due. */
export interface Behaviour {
  /** At most so many by one call. @default all */
  readonly perCall?: number
  /** `attempt` begins nothing, as where a limit holds everything back. */
  readonly onlyWork?: boolean
  /** Awaited at the beginning of each call; what it throws, the call rejects with. */
  onCall?(calls: number): Promise<void> | void
  /** Awaited by a call with what it took. */
  send?(ids: readonly string[]): Promise<void> | void
}

/** What a case is given. */
export interface World {
  readonly lateMs: number
  now(): number
  /** Stores deliveries that are due so many ms from now. No engine is told. Answers what to `schedule`. */
  put(dueInMs: number, ...ids: string[]): readonly { readonly deliveryId: string; readonly dueAt: number }[]
  /** One that is due, and may not begin before the send of another has ended, in whatever process. */
  putBehind(other: string, id: string): readonly { readonly deliveryId: string; readonly dueAt: number }[]
  /** One more engine, as another process has it. */
  engine(): Engine
  /** Starts it, with a worker over the deliveries of the case. */
  begin(engine: Engine, behaviour?: Behaviour): Promise<Process>
  readonly taken: readonly Taken[]
  takenIds(): readonly string[]
  /** Resolves when `reached`, looked at whenever something happened. @throws AssertionError after `withinMs` */
  until(what: string, reached: () => boolean, withinMs?: number): Promise<void>
  pass(ms: number): Promise<void>
  /** Resolves with what the call does, which has so long for it. @throws AssertionError */
  inTime<T>(what: string, call: Promise<T> | T, withinMs?: number): Promise<T>
  lose(): Promise<void>
  cut(): Promise<() => Promise<void>>
  close(): Promise<void>
}

export interface Process {
  /** Of `work` and `attempt`, so far. */
  readonly calls: number
  /** Those under way. */
  readonly running: number
}

export function createWorld(options: {
  readonly ground: EngineGround
  readonly lateMs: number
  readonly clock: FakeClock | undefined
}): World {
  const { ground, lateMs, clock } = options
  const waiting = new Map<string, number>()
  const behind = new Map<string, string>()
  const taken: Taken[] = []
  const engines: Engine[] = []
  const listeners = new Set<() => void>()
  let processes = 0
  const now = (): number => clock?.now() ?? Date.now()
  const setTimer =
    clock?.setTimer ??
    ((at: number, fn: () => void) => {
      const timer = setTimeout(fn, Math.max(0, at - Date.now()))
      return () => clearTimeout(timer)
    })
  const changed = (): void => {
    for (const listener of listeners) listener()
  }

  function take(by: number, candidates: Iterable<string>, limit: number): readonly string[] {
    const at = now()
    const ids: string[] = []
    for (const id of candidates) {
      if (ids.length >= limit) break
      const dueAt = waiting.get(id)
      if (dueAt === undefined || dueAt > at || behind.has(id)) continue
      ids.push(id)
    }
    for (const id of ids) {
      waiting.delete(id)
      taken.push({ id, by, at })
    }
    return ids
  }

  /** When there is more to take; `null` where only the end of a send makes it so. */
  function nextAt(): number | null {
    const instants = [...waiting].filter(([id]) => !behind.has(id)).map(([, dueAt]) => dueAt)
    return instants.length === 0 ? null : Math.min(...instants)
  }

  function ended(ids: readonly string[]): void {
    for (const [id, other] of behind) if (ids.includes(other)) behind.delete(id)
  }

  function createProcess(behaviour: Behaviour): { handler: EngineHandler; process: Process } {
    const { perCall = Number.POSITIVE_INFINITY, onlyWork = false, onCall, send } = behaviour
    const by = processes++
    let calls = 0
    let running = 0
    let loop: Promise<{ nextAt: number | null }> | undefined
    let lookAgain = (): void => {}
    const sends = new Set<Promise<void>>()

    async function call<T>(work: () => Promise<T>): Promise<T> {
      calls++
      running++
      changed()
      try {
        await onCall?.(calls)
        return await work()
      } finally {
        running--
        changed()
      }
    }

    /** Resolves when `send` has; what it holds up goes on then. */
    function begin(ids: readonly string[]): Promise<void> {
      const sent = Promise.resolve(send?.(ids)).then(() => {
        sends.delete(sent)
        ended(ids)
      })
      sends.add(sent)
      return sent
    }

    /** As a worker does: to the end of what this process sends, and sends never keep it from looking again. */
    async function takeAll(): Promise<{ nextAt: number | null }> {
      for (;;) {
        const asked = new Promise<void>((resolve) => {
          lookAgain = resolve
        })
        const ids = take(by, waiting.keys(), perCall)
        changed()
        if (ids.length > 0) void begin(ids)
        if (sends.size === 0) return { nextAt: nextAt() }
        await Promise.race([asked, ...sends])
      }
    }

    return {
      process: {
        get calls() {
          return calls
        },
        get running() {
          return running
        },
      },
      handler: {
        work() {
          if (loop !== undefined) {
            calls++
            lookAgain()
            return loop
          }
          loop = call(takeAll).finally(() => {
            loop = undefined
          })
          return loop
        },
        attempt: (ids, at) =>
          call(async () => {
            const got = onlyWork ? [] : take(by, ids, perCall)
            changed()
            if (got.length > 0) await before(at, begin(got))
            return { left: ids.filter((id) => !got.includes(id)) }
          }),
      },
    }
  }

  /** Waits for `work`, but no longer than until `at`. */
  async function before(at: number, work: Promise<void>): Promise<void> {
    let cancel = (): void => {}
    const over = new Promise<void>((resolve) => {
      cancel = setTimer(at, resolve)
    })
    await Promise.race([work, over])
    cancel()
  }

  async function until(what: string, reached: () => boolean, withinMs: number = lateMs): Promise<void> {
    const deadline = now() + withinMs
    const fail = (): never => assert.fail(`${what}: not within ${withinMs} ms; worked off: ${taken.length}`)
    if (clock !== undefined) {
      // steps of a few ms: what a queue of the process needs several turns for gets them
      for (await clock.advance(0); !reached(); await clock.advance(Math.max(1, Math.ceil(withinMs / 500)))) {
        if (now() > deadline) fail()
      }
      return
    }
    await new Promise<void>((resolve, reject) => {
      const look = (): void => {
        if (reached()) end(resolve)
      }
      const end = (how: () => void): void => {
        listeners.delete(look)
        clearTimeout(timer)
        how()
      }
      const timer = setTimeout(() => {
        end(() => {
          try {
            fail()
          } catch (error) {
            reject(error)
          }
        })
      }, withinMs)
      listeners.add(look)
      look()
    })
  }

  async function inTime<T>(what: string, call: Promise<T> | T, withinMs = 20_000): Promise<T> {
    let settled: { readonly value: T } | { readonly error: unknown } | undefined
    Promise.resolve(call)
      .then(
        (value) => {
          settled = { value }
        },
        (error: unknown) => {
          settled = { error }
        },
      )
      .finally(changed)
    await until(what, () => settled !== undefined, withinMs)
    if (settled === undefined || 'error' in settled) assert.fail(`${what}: rejected with ${settled?.error}`)
    return settled.value
  }

  return {
    lateMs,
    now,
    taken,
    takenIds: () => taken.map(({ id }) => id).sort(),
    put(dueInMs, ...ids) {
      const dueAt = now() + dueInMs
      for (const id of ids) waiting.set(id, dueAt)
      return ids.map((deliveryId) => ({ deliveryId, dueAt }))
    },
    putBehind(other, deliveryId) {
      const dueAt = now()
      waiting.set(deliveryId, dueAt)
      behind.set(deliveryId, other)
      return [{ deliveryId, dueAt }]
    },
    engine() {
      const engine = ground.engine()
      engines.push(engine)
      return engine
    },
    async begin(engine, behaviour = {}) {
      const { handler, process } = createProcess(behaviour)
      await inTime('start', engine.start(handler))
      await until('the first look after start', () => process.calls > 0)
      return process
    },
    until,
    inTime,
    async pass(ms) {
      if (clock !== undefined) await clock.advance(ms)
      else await new Promise((resolve) => setTimeout(resolve, ms))
    },
    async lose() {
      await ground.lose?.()
    },
    async cut() {
      return (await ground.cut?.()) ?? (async () => {})
    },
    async close() {
      for (const engine of engines) await inTime('stop', engine.stop())
    },
  }
}

/** `prefix0`, `prefix1` … */
export function names(prefix: string, count: number): string[] {
  return Array.from({ length: count }, (_, n) => `${prefix}${n}`)
}
