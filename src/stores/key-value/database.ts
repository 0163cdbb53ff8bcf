import { setTimeout as sleep } from 'node:timers/promises'
import type { Page, PageQuery } from '../../contracts/index.ts'
import { isSignalboxError, SignalboxError } from '../../errors.ts'
import { parse } from '../../records/codec.ts'
import type { KeyValue, KeyValueEntry } from '../key-value.ts'
import { each } from './each.ts'
import { type Checks, createTransaction, type Transaction, type Writes } from './transaction.ts'

export interface Database {
  readonly maxWrites: number
  readonly maxBytes: number
  readonly listLagMs: number
  /** Runs `work` until what it read is still so when its writes are committed: it may run several times. */
  run<T>(work: (tx: Transaction) => Promise<T>): Promise<T>
  read<T>(key: string): Promise<T | undefined>
  /** `KeyValue.list`, which may be behind unless `strong`. */
  list(prefix: string, after: string, limit: number, strong?: boolean): Promise<readonly KeyValueEntry[]>
  /** All entries under `prefix`, strong. */
  scan(prefix: string, after?: string): AsyncGenerator<KeyValueEntry>
  /**
   * What `load` answers for the entries under `prefix`; `undefined` for what is not wanted. `from`: begins there, where
   * there is no cursor. `until`: the first key, after the prefix, that is past the end.
   */
  page<T>(
    prefix: string,
    query: PageQuery & { readonly from?: string; readonly until?: string },
    load: (entry: KeyValueEntry) => Promise<T | undefined>,
  ): Promise<Page<T>>
}

interface Limits {
  readonly name: string
  readonly maxWrites: number
  readonly maxBytes: number
  readonly listLagMs: number
}

const MAX_ATTEMPTS = 20
const MAX_PAUSE_MS = 100
const CHUNK = 500
const AT_ONCE = 16

export function createDatabase(kv: KeyValue, { name, ...limits }: Limits): Database {
  const failed = (what: string, cause?: unknown): SignalboxError =>
    new SignalboxError('store_failed', `${name}: ${what}`, cause === undefined ? {} : { cause })

  async function ask<T>(call: () => Promise<T>): Promise<T> {
    try {
      return await call()
    } catch (cause) {
      throw isSignalboxError(cause) ? cause : failed('the database failed', cause)
    }
  }

  async function commit(checks: Checks, writes: Writes): Promise<boolean> {
    try {
      return await kv.commit(checks, writes)
    } catch (cause) {
      if (await wasDone(checks, writes).catch(() => false)) return true
      throw isSignalboxError(cause) ? cause : failed('the database failed', cause)
    }
  }

  /**
   * Whether a commit that rejected was done, as far as can be seen: a row that it was to change is as it wrote it, or
   * everything is.
   */
  async function wasDone(checks: Checks, writes: Writes): Promise<boolean> {
    const keys = [...writes.keys()]
    const entries = await each(keys, AT_ONCE, (key) => kv.get(key))
    const isSo = keys.map((key, n) => entries[n]?.value === writes.get(key))
    const isNew = keys.map(
      (key, n) => entries[n] !== undefined && checks.has(key) && entries[n].version !== checks.get(key),
    )
    return keys.some((_, n) => isSo[n] && isNew[n]) || isSo.every(Boolean)
  }

  const list: Database['list'] = (prefix, after, limit, strong = false) =>
    ask(() => kv.list(prefix, after, limit, strong))

  async function* scan(prefix: string, after = ''): AsyncGenerator<KeyValueEntry> {
    for (let last: string | undefined = after; last !== undefined; ) {
      const entries: readonly KeyValueEntry[] = await list(prefix, last, CHUNK, true)
      yield* entries
      last = entries.length < CHUNK ? undefined : entries.at(-1)?.key
    }
  }

  return {
    ...limits,
    async run(work) {
      for (let attempt = 0; ; attempt++) {
        const tx = createTransaction(attempt, (key) => ask(() => kv.get(key)))
        const result = await work(tx)
        if (tx.writes.size === 0 || (await commit(tx.checks, tx.writes))) return result
        if (attempt >= MAX_ATTEMPTS) throw failed(`a commit met other writes ${MAX_ATTEMPTS} times`)
        await pause(attempt)
      }
    },
    async read<T>(key: string) {
      const entry = await ask(() => kv.get(key))
      return entry && parse<T>(entry.value)
    },
    list,
    scan,
    async page<T>(
      prefix: string,
      { after, limit, from = '', until }: PageQuery & { readonly from?: string; readonly until?: string },
      load: (entry: KeyValueEntry) => Promise<T | undefined>,
    ) {
      const items: T[] = []
      let next = ''
      // a cursor is never empty
      let last: string | undefined = after === undefined ? from && prefix + from : prefix + after.slice(1)
      const end = until === undefined ? undefined : prefix + until
      // more at a time where most of it is not wanted
      for (let pages = 1; last !== undefined; pages *= 2) {
        const most = Math.min(CHUNK, (limit + 1 - items.length) * pages)
        const found: readonly KeyValueEntry[] = await list(prefix, last, most, true)
        const entries = end === undefined ? found : found.filter(({ key }) => key < end)
        const loaded = await Promise.all(entries.map(load))
        for (const [n, item] of loaded.entries()) {
          if (item === undefined) continue
          if (items.length === limit) return { items, next }
          items.push(item)
          next = `=${entries[n]?.key.slice(prefix.length)}`
        }
        last = entries.length < most ? undefined : entries.at(-1)?.key
      }
      return { items }
    },
  }
}

/** The first tries follow at once, more or less; then those that meet give way to each other. */
async function pause(attempt: number): Promise<void> {
  const ms = Math.random() * Math.min(MAX_PAUSE_MS, 2 ** attempt)
  if (ms >= 1) await sleep(ms)
}
