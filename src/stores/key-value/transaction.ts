import { SignalboxError } from '../../errors.ts'
import { parse } from '../../records/codec.ts'
import type { KeyValueEntry, KeyValueVersion } from '../key-value.ts'

/** Reads, and what is to be written if they still hold. */
export interface Transaction {
  /** 0, or how often it had to begin again. */
  readonly attempt: number
  /** A copy of one's own. It must not have changed when the commit is made. */
  get<T>(key: string): Promise<T | undefined>
  /** The same, where something else that is checked covers it. */
  peek<T>(key: string): Promise<T | undefined>
  put(key: string, value: unknown): void
  remove(key: string): void
  /** The commit fails where there is such a key. Spares reading what is new almost always. */
  absent(key: string): void
}

export type Checks = Map<string, KeyValueVersion | undefined>
export type Writes = Map<string, string | undefined>

export function createTransaction(
  attempt: number,
  read: (key: string) => Promise<KeyValueEntry | undefined>,
): Transaction & { readonly checks: Checks; readonly writes: Writes } {
  const checks: Checks = new Map()
  const writes: Writes = new Map()
  const entries = new Map<string, Promise<KeyValueEntry | undefined>>()

  async function load<T>(key: string, checked: boolean): Promise<T | undefined> {
    if (writes.has(key)) {
      const value = writes.get(key)
      return value === undefined ? undefined : parse<T>(value)
    }
    const known = entries.get(key) ?? read(key)
    entries.set(key, known)
    const entry = await known
    if (checked) checks.set(key, entry?.version)
    return entry && parse<T>(entry.value)
  }

  const tx: Transaction & { readonly checks: Checks; readonly writes: Writes } = {
    attempt,
    checks,
    writes,
    get: (key) => load(key, true),
    peek: (key) => load(key, false),
    put: (key, value) => void writes.set(key, serialise(value)),
    remove: (key) => void writes.set(key, undefined),
    absent: (key) => void checks.set(key, undefined),
  }
  return tx
}

/** @throws `store_failed` for what JSON can't hold. */
export function serialise(value: unknown): string {
  try {
    return JSON.stringify(value)
  } catch (cause) {
    throw new SignalboxError('store_failed', 'keyValueStore: a record cannot be serialised', { cause })
  }
}
