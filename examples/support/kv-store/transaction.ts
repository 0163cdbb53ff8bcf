// One optimistic transaction, and pages, over the three calls of a `KeyValue`.
import { isSignalboxError, type Page, type PageQuery, SignalboxError } from 'signalbox'
import type { Entry, KeyValue } from '../kv.ts'

export interface Transaction {
  get<T>(key: string): Promise<T | undefined>
  /** Without a `value` it deletes. */
  put(key: string, value?: unknown): void
}

export interface Database {
  /** Runs `work` until what it read is still so when its writes are committed. It may run several times. */
  run<T>(work: (tx: Transaction) => Promise<T>): Promise<T>
  read<T>(key: string): Promise<T | undefined>
  /** See `KeyValue`. Outside of the transaction: what it finds has to be read again within. */
  list: KeyValue['list']
  scan(prefix: string, after?: string): AsyncGenerator<Entry>
  /** What `load` answers for the entries under `prefix`; it answers `undefined` for what does not match. */
  page<T>(
    prefix: string,
    query: PageQuery,
    load: (entry: Entry) => Promise<T | undefined> | T | undefined,
  ): Promise<Page<T>>
}

export function databaseOf(kv: KeyValue): Database {
  const db: Database = {
    async run<T>(work: (tx: Transaction) => Promise<T>) {
      try {
        for (;;) {
          const reads = new Map<string, Entry | undefined>()
          const writes = new Map<string, string | undefined>()
          const result = await work({
            async get<V>(key: string) {
              if (!writes.has(key) && !reads.has(key)) reads.set(key, await kv.get(key))
              const value = writes.has(key) ? writes.get(key) : reads.get(key)?.value
              return value === undefined ? undefined : (JSON.parse(value) as V)
            },
            put: (key, value) => writes.set(key, JSON.stringify(value)),
          })
          const checks = new Map([...reads].map(([key, entry]) => [key, entry?.version]))
          if (await kv.commit(checks, writes)) return result
        }
      } catch (cause) {
        throw isSignalboxError(cause) ? cause : new SignalboxError('store_failed', 'the database failed', { cause })
      }
    },
    read: (key) => db.run((tx) => tx.get(key)),
    list: (prefix, after, limit) => kv.list(prefix, after, limit),
    async *scan(prefix, after = '') {
      for (let last: string | undefined = after; last !== undefined; ) {
        const entries: readonly Entry[] = await kv.list(prefix, last, 100)
        yield* entries
        last = entries.length < 100 ? undefined : entries.at(-1)?.key
      }
    },
    async page<T>(
      prefix: string,
      { after, limit }: PageQuery,
      load: (entry: Entry) => Promise<T | undefined> | T | undefined,
    ) {
      const items: T[] = []
      let next = ''
      for await (const entry of db.scan(prefix, after === undefined ? '' : prefix + after)) {
        const item = await load(entry)
        if (item === undefined) continue
        if (items.length === limit) return { items, next }
        items.push(item)
        next = entry.key.slice(prefix.length)
      }
      return { items }
    },
  }
  return db
}

/** The key that an entry of an index stands for. */
export const indexed = (entry: Entry): string => JSON.parse(entry.value)

/** `a/b/`: parts in the order of their keys. Numbers are instants and counters: padded, so that they sort. */
export function path(...parts: readonly (string | number)[]): string {
  const encode = (part: string | number) =>
    typeof part === 'number' ? part.toFixed(0).padStart(16, '0') : encodeURIComponent(part)
  return parts.map((part) => `${encode(part)}/`).join('')
}

export const conflict = (message: string, field?: string): SignalboxError =>
  new SignalboxError('conflict', message, field === undefined ? {} : { field })

/** To ignore it would be to write outside the host's transaction. */
export function refuseTx(tx: unknown): void {
  if (tx !== undefined)
    throw new SignalboxError('invalid_input', 'tx: this store joins no transaction', { field: 'tx' })
}
