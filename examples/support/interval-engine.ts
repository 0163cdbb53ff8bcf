import type { Clock, Engine, EngineHandler } from 'signalbox'

/**
 * An engine over whatever calls a function every so often: here the clock's timer, elsewhere a host's scheduler. Work is
 * looked for at once when there is some, when the store says, and every `everyMs` for what other processes enqueued.
 */
export function intervalEngine({ everyMs }: { readonly everyMs: number }): Engine {
  let clock: Clock
  let handler: EngineHandler | undefined
  let wakeAt = Number.POSITIVE_INFINITY
  let cancel = (): void => {}
  const running = new Set<Promise<void>>()

  function wakeBy(at: number): void {
    if (handler === undefined || at >= wakeAt) return
    cancel()
    wakeAt = at
    cancel = clock.setTimer(at, look)
  }

  function look(): void {
    wakeAt = Number.POSITIVE_INFINITY
    // calls of `work` join the one under way; a store that failed is asked again at the next interval
    const work = handler?.work().then(
      ({ nextAt }) => nextAt ?? wakeAt,
      () => wakeAt,
    )
    const turn = work?.then((nextAt) => {
      if (turn) running.delete(turn)
      wakeBy(nextAt)
    })
    if (turn) running.add(turn)
    wakeBy(clock.now() + everyMs)
  }

  return {
    name: 'interval',
    attach: (context) => {
      clock = context.clock
    },
    start(next) {
      handler = next
      look()
    },
    schedule: (items) => wakeBy(Math.min(...items.map((item) => item.dueAt))),
    async stop() {
      handler = undefined
      cancel()
      await Promise.all(running)
    },
  }
}
