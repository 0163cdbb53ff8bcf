/** `work` for each, at most `most` at a time, in this order. */
export async function each<T, R>(
  items: readonly T[],
  most: number,
  work: (item: T, n: number) => Promise<R>,
): Promise<R[]> {
  const results: R[] = []
  // one iterator for all: each takes the next that nobody has
  const queue = items.entries()
  async function go(): Promise<void> {
    for (const [n, item] of queue) results[n] = await work(item, n)
  }
  await Promise.all(Array.from({ length: Math.min(most, items.length) }, go))
  return results
}

/** The same in a circle: processes that have the same to do begin at different places. */
export function fromAnywhere<T>(items: readonly T[]): readonly T[] {
  const first = Math.floor(Math.random() * items.length)
  return [...items.slice(first), ...items.slice(0, first)]
}
