import { type ConnectionOptions, Queue, Worker } from 'bullmq'
import type { Logger } from '../contracts/clock.ts'
import type { Engine } from '../contracts/engine.ts'
import { checkOptions, invalidInput } from '../errors.ts'
import { checkConcurrency, checkQueueName } from '../jobs/check-options.ts'
import { textOf } from '../jobs/end-of.ts'
import { idsOf, toData } from '../jobs/job-data.ts'
import { createJobEngine, type JobEngineOptions } from '../jobs/job-engine.ts'
import type { JobQueue, WakeJob } from '../jobs/queue.ts'

export type { JobEngineOptions }

/** What BullMQ takes as `connection`: a Redis client of the host, or options for one. */
export type BullmqConnection =
  | { duplicate(...options: never[]): unknown }
  | {
      readonly url?: string
      readonly host?: string
      readonly port?: number
      readonly username?: string
      readonly password?: string
      readonly db?: number
      readonly [option: string]: unknown
    }

export interface BullmqEngineOptions extends JobEngineOptions {
  /**
   * A Redis client (ioredis with `maxRetriesPerRequest: null`, or node-redis), which stays the host's to close, or
   * options for one, which the engine opens at its first use and closes.
   */
  readonly connection: BullmqConnection
  /** The queue's name, without `:`. Dispatchers over one store share it; each other store needs its own. @default 'signalbox' */
  readonly queue?: string
  /** What its keys in Redis begin with; in a Redis Cluster with a hash tag, `{bull}`. @default 'bull' */
  readonly prefix?: string
  /** Jobs that this process works off at once: 1 to 1000. Sends at once are the dispatcher's `worker.concurrency`. @default 64 */
  readonly concurrency?: number
}

const OPTIONS: readonly string[] = [
  'connection',
  'queue',
  'prefix',
  'concurrency',
  'sweepMs',
  'maxIds',
  'clock',
  'logger',
] satisfies (keyof BullmqEngineOptions)[]

/** A job is a hint: tried once, and nothing is kept of it. */
const ONCE = { attempts: 1, removeOnComplete: true, removeOnFail: true } as const

/** A job is held for less than a second, so that its lock needs no renewal. Those of a dead process come back after that. */
const LOCKS = { lockDuration: 10_000, stalledInterval: 10_000, skipLockRenewal: true } as const

/**
 * Wakes workers by jobs of BullMQ: due deliveries by waiting jobs, later ones by delayed jobs, each with up to `maxIds`
 * delivery ids. Needs the package `bullmq`, 6 or later, and Redis.
 *
 * Redis holds nothing that matters: while it can't be reached, or after it was flushed, each worker still asks the store
 * every `sweepMs`, and `dispatch` is as durable as ever.
 *
 * @example
 * const dispatcher = createDispatcher({
 *   store,
 *   transports,
 *   engine: bullmqEngine({ connection: { url: 'redis://127.0.0.1:6379' } }),
 * })
 * @throws SignalboxError `invalid_input`
 */
export function bullmqEngine(options: BullmqEngineOptions): Engine {
  if (typeof options !== 'object' || options === null) throw invalidInput('options', 'must be an object')
  checkOptions(options, OPTIONS)
  const { connection, queue = 'signalbox', prefix = 'bull', concurrency = 64 } = options
  checkConnection(connection)
  checkQueueName(queue)
  if (queue.includes(':')) throw invalidInput('queue', 'must not contain `:`')
  if (typeof prefix !== 'string' || prefix === '') throw invalidInput('prefix', 'must be a text')
  checkConcurrency(concurrency)
  return createJobEngine('bullmq', options, (logger) =>
    openQueue({ name: queue, connection: connection as ConnectionOptions, prefix, concurrency, logger }),
  )
}

/** What BullMQ refuses, later and in other words. @throws SignalboxError `invalid_input` */
function checkConnection(connection: BullmqConnection): void {
  if (typeof connection !== 'object' || connection === null) {
    throw invalidInput('connection', 'must be a Redis client, or options for one')
  }
  const isClient = 'duplicate' in connection && typeof connection.duplicate === 'function'
  const given: unknown = isClient && 'options' in connection ? connection.options : connection
  if (typeof given !== 'object' || given === null) return
  if (isClient && 'maxRetriesPerRequest' in given && given.maxRetriesPerRequest !== null) {
    throw invalidInput('connection', 'an ioredis client needs `maxRetriesPerRequest: null`')
  }
  if ('keyPrefix' in given && given.keyPrefix) {
    throw invalidInput('connection', 'must have no `keyPrefix`: give `prefix` to the engine')
  }
}

function openQueue(options: {
  readonly name: string
  readonly connection: ConnectionOptions
  readonly prefix: string
  readonly concurrency: number
  readonly logger: Logger
}): JobQueue {
  const { name, connection, prefix, concurrency, logger } = options
  const base = { connection, prefix }
  // without a listener an error of the connection would end the process
  const onError = (error: Error): void => logger.error({ error: textOf(error) }, 'Redis reported an error')
  const queue = new Queue(name, { ...base, defaultJobOptions: ONCE })
  queue.on('error', onError)
  let worker: Worker | undefined

  return {
    async add(jobs) {
      await queue.addBulk(jobs.map(toBullmqJob))
    },
    async consume(run) {
      worker = new Worker(
        name,
        async (job) => {
          // while it waited it stood for further ones; from here on they would come too late
          if (job.deduplicationId !== undefined) await job.removeDeduplicationKey()
          await run(idsOf(job.data))
        },
        { ...base, ...LOCKS, concurrency },
      )
      worker.on('error', onError)
    },
    async pause() {
      await worker?.close()
    },
    async close({ force }) {
      if (!force) return queue.close()
      // a client that waits for its connection to come back would keep the process alive
      await Promise.all([worker, queue].map((one) => one && abandon(one)))
    },
  }
}

async function abandon(one: Queue | Worker): Promise<void> {
  const closing = one.getBackend().close(true)
  // where a friendly end is under way it waits for an answer
  one.disconnect().catch(() => undefined)
  await closing
}

function toBullmqJob({ ids, at, delayMs, key }: WakeJob) {
  return {
    name: ids.length > 0 ? 'attempt' : 'wake',
    data: toData(ids, at),
    opts: {
      ...(delayMs > 0 ? { delay: delayMs } : {}),
      ...(key === undefined ? {} : ids.length > 0 ? { jobId: key } : { deduplication: { id: key } }),
    },
  }
}
