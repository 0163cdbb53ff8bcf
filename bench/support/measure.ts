export interface Cost {
  /** CPU of this process, µs a unit. */
  readonly cpu: number
  /** Units a second. */
  readonly rate: number
}

/** Runs `work`, which does `count` units, and tells what one cost. */
export async function costOf(count: number, work: () => Promise<void>): Promise<Cost> {
  const cpuBefore = process.cpuUsage()
  const wallBefore = performance.now()
  await work()
  const { user, system } = process.cpuUsage(cpuBefore)
  return { cpu: (user + system) / count, rate: (count * 1000) / (performance.now() - wallBefore) }
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? (sorted[middle] ?? 0) : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2
}

/** The smallest value that at least `share` of all are not above; `share`: 0 to 1. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN
}

/** Runs `count` units, `concurrency` at once. */
export async function inParallel(count: number, concurrency: number, unit: () => Promise<unknown>): Promise<void> {
  let left = count
  await Promise.all(
    Array.from({ length: concurrency }, async () => {
      while (left-- > 0) await unit()
    }),
  )
}

export function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  return rows
    .map((row) =>
      row
        .map((cell, column) => (column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0)))
        .join('  '),
    )
    .join('\n')
}
