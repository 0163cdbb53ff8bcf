/** A row by the names of its columns. Drivers differ in what a bigint is: a string, a number or a bigint. */
export type Row = Readonly<Record<string, unknown>>

export function text(value: unknown): string {
  return typeof value === 'string' ? value : String(value)
}

export function maybeText(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}

export function int(value: unknown): number {
  return typeof value === 'number' ? value : Number(value)
}

export function maybeInt(value: unknown): number | undefined {
  return value === null || value === undefined ? undefined : Number(value)
}

/** An array as one text value: not every driver can send arrays. `$1::text::text[]`, `$1::text::bigint[]`. */
export function list(items: readonly (string | number | null)[]): string {
  return `{${items.map(item).join(',')}}`
}

function item(value: string | number | null): string | number {
  if (typeof value === 'number') return value
  return value === null ? 'NULL' : `"${value.replace(/[\\"]/g, '\\$&')}"`
}

/**
 * A live delivery that is found by its key. Not `status = 0`: where a table was never analysed, the planner would find it
 * in the index of all live ones, by walking through it.
 */
export const LIVE_BY_KEY = 'status < 1'

/** A whole number of milliseconds, as `bigint` columns take it. */
export function whole(value: number): number {
  return Number.isInteger(value) ? value : Math.ceil(value)
}
