import { matches } from './catalog/index.ts'
import { rekeyEverything } from './connections/rekey.ts'
import { createConnections } from './connections/service.ts'
import type { Connections } from './connections/types.ts'
import { createVault } from './connections/vault.ts'
import type { ConnectionRecord } from './contracts/connection.ts'
import type { EventBase, EventInput, StoredEvent } from './contracts/event.ts'
import type { Message } from './contracts/message.ts'
import type { Transport } from './contracts/transport.ts'
import { createDeliveries } from './deliveries/service.ts'
import { createDigests, flushEverything } from './digests/service.ts'
import { createAcceptor } from './dispatch/accept.ts'
import { checkEvent } from './dispatch/check-event.ts'
import { explainEvent } from './dispatch/explain.ts'
import { createDeliveryIds, createTimings } from './dispatch/plan.ts'
import { sendOnce } from './dispatch/send.ts'
import type { DispatchOptions, DispatchResult } from './dispatch/types.ts'
import { dispatchAndWait } from './dispatch/wait.ts'
import type { Dispatcher } from './dispatcher-api.ts'
import { type DispatcherOptions, resolveOptions } from './dispatcher-options.ts'
import { pollingEngine } from './engines/polling.ts'
import { invalidInput, SignalboxError } from './errors.ts'
import { createEmitter } from './runtime/emitter.ts'
import { changeStatus, createAfterSettle } from './worker/after-settle.ts'
import { createDeliver } from './worker/deliver.ts'
import type { DispatcherEvents } from './worker/events.ts'
import { createExchange } from './worker/exchange.ts'
import type { DigestContext } from './worker/messages.ts'
import { createPreparer } from './worker/prepare.ts'
import { runPurge } from './worker/purge.ts'
import { checkRetention, startRetention } from './worker/retention.ts'
import { runTick } from './worker/tick.ts'
import { createUpkeep } from './worker/upkeep.ts'
import { createWorker } from './worker/worker.ts'

/**
 * Wires a dispatcher from its parts: the way in (dispatch), the way out (worker), and the management of connections and
 * deliveries. Opens nothing by itself: the store is set up at the first call.
 *
 * @example
 * const dispatcher = createDispatcher({ store: memoryStore(), transports: [webhookTransport()] })
 * const { secret } = await dispatcher.connections.create({
 *   orgId: 'org_1', transport: 'webhook', config: { url: 'https://siem.example.com/in' },
 * })
 * await dispatcher.start()
 * await dispatcher.dispatch({ orgId: 'org_1', type: 'case_assigned', title: '…', body: '…', href: 'https://…' })
 * @throws SignalboxError `invalid_input` naming the option and the rule.
 */
export function createDispatcher<
  E extends EventBase = EventInput,
  K extends string = string,
  const T extends Transport = Transport,
>(options: DispatcherOptions<E, K, T>): Dispatcher<E, K, T> {
  const resolved = resolveOptions(options)
  const { store, transports, catalog, clock, ids, logger, http, organisation } = resolved
  const names = [...transports.keys()]
  const engine = options.engine ?? pollingEngine({ pollMs: resolved.worker.pollMs })
  engine.attach?.({ clock, logger, random: resolved.random })
  const emitter = createEmitter<DispatcherEvents>(logger)
  const vault = createVault({ encryption: resolved.encryption })
  const preparer = createPreparer({ vault, transports, retry: options.retry, digestKeys: catalog?.digestKeys })
  const given = options.tokens
  const credentials =
    given !== undefined && 'attach' in given
      ? given.attach({ store, encryption: resolved.encryption, http, clock, ids, logger })
      : undefined
  const tokens = given !== undefined && 'attach' in given ? credentials : given
  const exchange = createExchange({ http, clock, tokens })
  const abort = new AbortController()
  const upkeep = createUpkeep({ credentials, clock, random: resolved.random, signal: abort.signal })
  const plan = { deliveryId: createDeliveryIds(), timings: createTimings(catalog?.digestKeys) }

  const schedule = (items: readonly { readonly deliveryId: string; readonly dueAt: number }[]): void => {
    const told = engine.schedule(items)
    if (told instanceof Promise) {
      told.catch((error: unknown) => logger.error({ error }, 'the engine could not be told of deliveries'))
    }
  }
  const wake = (): void => schedule([{ deliveryId: '', dueAt: clock.now() }])

  const digestContext = async (record: ConnectionRecord): Promise<DigestContext> => ({
    wants: (event) => matches(record, event, catalog),
    single: record.digest?.single ?? 'event',
    href: (await organisation(record.orgId)).digestUrl,
    subject: resolved.digestSubject,
  })

  const worker = createWorker({
    store,
    transports: names,
    concurrency: resolved.worker.concurrency,
    perConnection: resolved.worker.perConnection,
    leaseMs: resolved.worker.leaseMs,
    deliver: createDeliver({
      preparer,
      exchange,
      recordAttempts: resolved.attempts,
      digestContext,
      clock,
      random: resolved.random,
      emitter,
      onConfigInvalid: async (record, reason) => {
        await changeStatus({ store, logger }, record, 'incomplete', { ...reason, since: clock.now() })
      },
    }),
    afterSettle: createAfterSettle({ store, suspension: resolved.suspension, clock, logger, emitter }),
    abort,
    clock,
    ids,
    logger,
    onScheduled: schedule,
  })

  const orgNameOf = async (orgId: string): Promise<string> => (await organisation(orgId)).name ?? orgId
  const check = { catalog, ids, maxEventBytes: resolved.maxEventBytes }
  const complete = async (event: EventBase): Promise<StoredEvent> => {
    const accepted = checkEvent(event, undefined, clock.now(), check)
    return { ...accepted, orgName: accepted.orgName ?? (await orgNameOf(accepted.orgId)) }
  }
  const acceptor = createAcceptor({
    store,
    ...check,
    clock,
    orgNameOf,
    plan,
    onEnqueued: schedule,
  })

  const attempt = async (record: ConnectionRecord, message: Message, deliveryId: string) => {
    const prepared = await preparer.prepare(record)
    if (prepared.kind !== 'ready') throw new SignalboxError('conflict', prepared.reason.text)
    return exchange({ prepared, message, deliveryId, number: 1, signal: abort.signal })
  }

  let opening: Promise<void> | undefined
  let isOpen = false
  let started: Promise<void> | undefined
  let closing: Promise<void> | undefined
  let endRetention: (() => void) | undefined
  let endUpkeep: (() => void) | undefined
  let endListening: (() => void) | undefined
  const purging = () => ({ store, credentials, now: clock.now(), retainEventsMs: resolved.retainEventsMs })

  /** Sets the store up once; a failure is told to the caller and tried again by the next call. */
  async function open(): Promise<void> {
    if (closing) throw new SignalboxError('closed', 'the dispatcher was closed')
    opening ??= store.setup().catch((error: unknown) => {
      opening = undefined
      throw error
    })
    await opening
    isOpen = true
  }

  /** A host's transaction may hold the last connection: then nothing that needs another one is waited for. */
  async function openWithin(tx: unknown): Promise<void> {
    if (tx === undefined || isOpen || closing || !store.capabilities.tx) return open()
    await store.setup({ tx })
    // for the calls to come, which are told if it fails
    open().catch(() => undefined)
  }

  async function dispatchLater(event: EventBase, dispatchOptions: DispatchOptions): Promise<DispatchResult> {
    await openWithin(dispatchOptions.tx)
    if (!dispatchOptions.wait) return acceptor.accept(event, dispatchOptions)
    return dispatchAndWait(event, dispatchOptions, { acceptor, worker, clock, onLeft: schedule })
  }

  async function shutDown(graceMs: number, flush: boolean): Promise<void> {
    endRetention?.()
    endUpkeep?.()
    endListening?.()
    await acceptor.idle()
    try {
      if (flush && isOpen && (await flushEverything(store, clock.now())) > 0) {
        await worker.work({ until: clock.now() + graceMs })
      }
    } finally {
      // a store that fails is told to the caller, but keeps nothing open
      const workerStopped = worker.stop(graceMs)
      const engineStopped = engine.stop(workerStopped)
      await workerStopped
      await engineStopped
      abort.abort(new SignalboxError('closed', 'the dispatcher was closed'))
      await upkeep.idle()
      await credentials?.idle()
      if (resolved.ownsHttp) await http.close()
    }
  }

  const managed = {
    store,
    transports,
    ...(options.catalog === undefined ? {} : { catalog: options.catalog }),
    vault,
    http,
    clock,
    ids,
    authorize: options.authorize,
    organisation,
    attempt,
    tokens,
    credentials,
    logger,
    signal: abort.signal,
    onChange: wake,
  }

  const dispatcher: Dispatcher<E, K, T> = {
    // what the types promise of the inputs is checked again at run time: by the catalog and the transports' schemas
    connections: afterOpening(createConnections(managed), open) as unknown as Connections<E, K, T>,
    deliveries: afterOpening(createDeliveries({ ...managed, plan, catalogIndex: catalog }), open),
    digests: afterOpening(createDigests(managed), open),

    dispatch(event, dispatchOptions = {}) {
      if (isOpen && !closing && !dispatchOptions.wait) return acceptor.accept(event, dispatchOptions)
      return dispatchLater(event, dispatchOptions)
    },
    async dispatchMany(events, { tx } = {}) {
      await openWithin(tx)
      return acceptor.acceptMany(events, { tx })
    },
    async prepare(event) {
      await open()
      return acceptor.prepare(event)
    },
    wake() {
      wake()
      store.announce?.()
    },
    async explain(event) {
      await open()
      return explainEvent(event, { store, catalog, preparer, complete })
    },
    async send(input) {
      await open()
      return sendOnce(input, abort.signal, { transports, http, exchange, ids, now: clock.now, complete })
    },

    start({ retention } = {}) {
      if (retention !== undefined) checkRetention(retention)
      // a store that could not be set up is told to the caller, and tried again by the next call
      const opened = (): Promise<void> =>
        open().catch((error: unknown) => {
          started = undefined
          throw error
        })
      started ??= opened().then(async () => {
        // closed while the store was being set up: nobody would stop the engine any more
        if (closing) throw new SignalboxError('closed', 'the dispatcher was closed')
        await engine.start({
          work: () => worker.work(),
          attempt: async (ids, until) => ({ left: (await worker.attempt(ids, until)).left }),
        })
        if (!closing && engine.wake) endListening = store.onWake?.(() => engine.wake?.())
        if (!closing) endUpkeep = upkeep.start()
        if (retention === undefined) return
        const purge = (olderThanMs: number | undefined) =>
          runPurge({ ...(olderThanMs === undefined ? {} : { olderThanMs }) }, purging())
        endRetention = startRetention(retention, { purge, clock, random: resolved.random, logger })
      })
      return started
    },
    async tick(tickOptions = {}) {
      await open()
      return runTick(tickOptions, { worker, upkeep, store, transports: names, clock, shared: started !== undefined })
    },
    async drain() {
      await open()
      await acceptor.idle()
      await worker.work()
    },
    close({ graceMs = 10_000, digests = 'keep' } = {}) {
      if (digests !== 'keep' && digests !== 'flush') throw invalidInput('digests', "must be 'keep' or 'flush'")
      closing ??= shutDown(graceMs, digests === 'flush')
      return closing
    },
    async purge(purgeOptions = {}) {
      await open()
      return runPurge(purgeOptions, purging())
    },
    async rekey(rekeyOptions) {
      await open()
      return rekeyEverything({ store, vault, credentials }, rekeyOptions)
    },
    on: (name, listener) => emitter.on(name, listener),
    [Symbol.asyncDispose]: () => dispatcher.close(),
  }
  return dispatcher
}

/** A service whose every method waits for the store first. */
function afterOpening<S extends object>(service: S, open: () => Promise<void>): S {
  return new Proxy(service, {
    get(target, name, receiver) {
      const method: unknown = Reflect.get(target, name, receiver)
      if (typeof method !== 'function') return method
      return async (...args: unknown[]) => {
        await open()
        return method.apply(target, args)
      }
    },
  })
}
