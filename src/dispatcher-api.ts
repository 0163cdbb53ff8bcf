import type { RekeyResult } from './connections/rekey.ts'
import type { Connections } from './connections/types.ts'
import type { EventBase } from './contracts/event.ts'
import type { Outcome } from './contracts/outcome.ts'
import type { Transport } from './contracts/transport.ts'
import type { Deliveries } from './deliveries/types.ts'
import type { Digests } from './digests/types.ts'
import type { DispatchOptions, DispatchResult, Explanation, PreparedEvent, SendFor } from './dispatch/types.ts'
import type { DispatcherEvents } from './worker/events.ts'
import type { PurgeOptions, PurgeResult } from './worker/purge.ts'
import type { RetentionOptions } from './worker/retention.ts'
import type { TickOptions, TickResult } from './worker/tick.ts'

/** Everything between `dispatch(event)` and "delivered". Made by `createDispatcher`. */
export interface Dispatcher<
  E extends EventBase = EventBase,
  K extends string = string,
  T extends Transport = Transport,
> {
  readonly connections: Connections<E, K, T>
  readonly deliveries: Deliveries
  readonly digests: Digests

  /**
   * Accepts an event. Once it resolves (with `tx`: once the host's transaction commits) every delivery is durable and
   * is attempted at least once, whatever dies. `(orgId, id)` is one event: the second is a duplicate and stores nothing.
   * @throws SignalboxError `invalid_input` naming field and rule · `closed`; then nothing was stored · `store_failed`:
   * where the store's answer was lost it may be stored all the same, and dispatching it again with the same `id` is safe
   */
  dispatch(event: E, options?: DispatchOptions): Promise<DispatchResult>
  /** The same for many events in one write: all or none. Answers in their order. */
  dispatchMany(events: readonly E[], options?: { readonly tx?: unknown }): Promise<readonly DispatchResult[]>
  /** Everything of `dispatch` but the write, for hosts with a synchronous driver: `write` inside their transaction. */
  prepare(event: E): Promise<PreparedEvent>
  /**
   * The host committed something with `tx` or `prepare`: look at once rather than at the next poll. Other processes are
   * told too where the store can (Postgres).
   */
  wake(): void
  /** What each connection of the organisation would do with this event, and the exact payload. Sends and stores nothing. */
  explain(event: E): Promise<readonly Explanation[]>
  /**
   * One guarded attempt to a destination that is not stored: an export to a URL given ad hoc, trying out a form.
   * @throws SignalboxError `invalid_input` · `blocked_url`; what the destination does is the outcome
   */
  send(input: SendFor<T, E>): Promise<Outcome>

  /**
   * Makes this process a worker, until `close`; with `retention` it also purges, now and then. Idempotent.
   * @throws what the store's `setup` throws
   */
  start(options?: { readonly retention?: RetentionOptions }): Promise<void>
  /** Works until nothing is due or the budget is spent: for cron and serverless. */
  tick(options?: TickOptions): Promise<TickResult>
  /** Resolves when the store has nothing due now and this process has nothing in flight; works it off itself. */
  drain(): Promise<void>
  /**
   * Ends it: nothing new is accepted or claimed, what is in flight is finished, or given back after `graceMs`
   * (default 10,000). `digests: 'flush'` (default `keep`) first closes every open digest of every organisation and sends
   * what it can of them. The refresh of an access token is always finished, which may take 10 s more: its answer can't be
   * had twice. Never closes what the host passed in: the store, the HTTP port. Idempotent.
   */
  close(options?: { readonly graceMs?: number; readonly digests?: 'keep' | 'flush' }): Promise<void>
  /** Removes old records, or an organisation. */
  purge(options?: PurgeOptions): Promise<PurgeResult>
  /**
   * Seals up to `limit` connections and credentials anew with the newest key; call it until `remaining` is 0, then drop the old key.
   * `unreadable` ones can't be opened with any key given.
   */
  rekey(options: { readonly limit: number }): Promise<RekeyResult>
  /** Process-local, best effort: a listener's error is logged. Answers a function that removes it. */
  on<N extends keyof DispatcherEvents>(name: N, listener: (event: DispatcherEvents[N]) => void): () => void
  [Symbol.asyncDispose](): Promise<void>
}
