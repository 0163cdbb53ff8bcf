/** Runs many small writes as few large ones. */
export interface GroupCommit<Item, Result> {
  add(item: Item): Promise<Result>
  /** Resolves when everything added so far has been written or refused. */
  idle(): Promise<void>
}

const MAX_ALONE = 32

interface Entry<Item, Result> {
  readonly item: Item
  readonly resolve: (result: Result) => void
  readonly reject: (error: unknown) => void
}

/**
 * Items that arrive together (in one turn of the event loop, or while a write is under way) share one `write`, which
 * answers one result for each item, in order. A batch that fails is written again item by item, so that one poisoned
 * item harms no other.
 */
export function groupCommit<Item, Result>(
  write: (items: readonly Item[]) => Promise<readonly Result[]>,
  options: { readonly maxItems: number },
): GroupCommit<Item, Result> {
  let waiting: Entry<Item, Result>[] = []
  let running: Promise<void> | undefined
  /** Items that are written one by one: whoever comes later does not wait for them. */
  const alone = new Set<Promise<void>>()

  async function settle(batch: readonly Entry<Item, Result>[]): Promise<void> {
    try {
      const results = await write(batch.map((entry) => entry.item))
      batch.forEach((entry, index) => {
        entry.resolve(results[index] as Result)
      })
    } catch (error) {
      const [only] = batch
      if (batch.length === 1 && only !== undefined) only.reject(error)
      // at once: what makes them wait, a locked file say, must not add up
      else for (const entry of batch) writeAlone(entry)
    }
  }

  function writeAlone(entry: Entry<Item, Result>): void {
    const written = settle([entry]).finally(() => alone.delete(written))
    alone.add(written)
  }

  async function run(): Promise<void> {
    await new Promise(setImmediate)
    while (waiting.length > 0) {
      const batch = waiting.slice(0, options.maxItems)
      waiting = waiting.slice(options.maxItems)
      await settle(batch)
      // one that waits long holds up nobody; many are a store that fails
      while (alone.size > MAX_ALONE) await Promise.race(alone)
    }
    running = undefined
  }

  return {
    add: (item) =>
      new Promise((resolve, reject) => {
        waiting.push({ item, resolve, reject })
        running ??= run()
      }),
    idle: async () => {
      while (running || alone.size > 0) await (running ?? Promise.all(alone))
    },
  }
}
