import { randomUUID } from 'node:crypto'
import type { Engine } from '../contracts/engine.ts'
import { checkOptions, invalidInput } from '../errors.ts'
import { checkConcurrency, checkQueueName } from '../jobs/check-options.ts'
import { idsOf, type JobData, toData } from '../jobs/job-data.ts'
import { createJobEngine, type JobEngineOptions } from '../jobs/job-engine.ts'
import type { JobQueue, WakeJob } from '../jobs/queue.ts'

export type { JobEngineOptions }

/** What the engine uses of pg-boss. */
export interface PgBossLike {
  createQueue(
    name: string,
    options: {
      policy: string
      notify: boolean
      retryLimit: number
      expireInSeconds: number
      retentionSeconds: number
      deleteAfterSeconds: number
    },
  ): Promise<unknown>
  insert(name: string, jobs: { data: JobData; startAfter?: number; singletonKey: string }[]): Promise<unknown>
  work(
    name: string,
    options: {
      batchSize: number
      burstWhenBatchFull: boolean
      pollingIntervalSeconds: number
      notifyPollingIntervalSeconds: number
    },
    handler: (jobs: { data: unknown }[]) => Promise<void>,
  ): Promise<string>
  offWork(name: string, options: { id: string; wait: boolean }): Promise<unknown>
  notifyWorker(workerId: string): void
}

export interface PgBossEngineOptions extends JobEngineOptions {
  /**
   * The host's `PgBoss`, on which the host has called `start()`, listens to `error`, and calls `stop()` after
   * `dispatcher.close()`. With its option `useListenNotify` jobs due at once begin at once in every process.
   */
  readonly boss: PgBossLike
  /** The queue's name; it is made if there is none. Dispatchers over one store share it; each other store needs its own. @default 'signalbox' */
  readonly queue?: string
  /** Jobs that this process works off at once: 1 to 1000. Sends at once are the dispatcher's `worker.concurrency`. @default 64 */
  readonly concurrency?: number
  /** How often this process asks for jobs, in ms: 500 (pg-boss's least) to 60,000. @default 500 */
  readonly pollMs?: number
}

const OPTIONS: readonly string[] = [
  'boss',
  'queue',
  'concurrency',
  'pollMs',
  'sweepMs',
  'maxIds',
  'clock',
  'logger',
] satisfies (keyof PgBossEngineOptions)[]

const METHODS = ['createQueue', 'insert', 'work', 'offWork', 'notifyWorker'] satisfies (keyof PgBossLike)[]

/** A job is a hint: tried once, soon forgotten. `short`: of the jobs with one key at most one waits. */
const QUEUE = {
  policy: 'short',
  notify: true,
  retryLimit: 0,
  expireInSeconds: 60,
  retentionSeconds: 3600,
  deleteAfterSeconds: 300,
} as const

/**
 * Wakes workers by jobs of pg-boss, for hosts that run it already: due deliveries by jobs, later ones by jobs that
 * start later, each with up to `maxIds` delivery ids. Needs the package `pg-boss`, 12.35 or later.
 *
 * The jobs hold nothing that matters: while they are lost or late, each worker still asks the store every `sweepMs`.
 *
 * @example
 * const boss = new PgBoss(process.env.DATABASE_URL)
 * boss.on('error', (error) => logger.error({ error }, 'pg-boss'))
 * await boss.start()
 * const dispatcher = createDispatcher({ store, transports, engine: pgBossEngine({ boss }) })
 * @throws SignalboxError `invalid_input`
 */
export function pgBossEngine(options: PgBossEngineOptions): Engine {
  if (typeof options !== 'object' || options === null) throw invalidInput('options', 'must be an object')
  checkOptions(options, OPTIONS)
  const { boss, queue = 'signalbox', concurrency = 64, pollMs = 500 } = options
  if (typeof boss !== 'object' || boss === null || METHODS.some((name) => typeof boss[name] !== 'function')) {
    throw invalidInput('boss', 'must be a PgBoss')
  }
  checkQueueName(queue)
  checkConcurrency(concurrency)
  if (!(pollMs >= 500 && pollMs <= 60_000)) throw invalidInput('pollMs', 'must be from 500 to 60,000 ms')
  return createJobEngine('pg-boss', options, () => openQueue({ boss, name: queue, concurrency, pollMs }))
}

function openQueue(options: {
  readonly boss: PgBossLike
  readonly name: string
  readonly concurrency: number
  readonly pollMs: number
}): JobQueue {
  const { boss, name, concurrency, pollMs } = options
  let made: Promise<unknown> | undefined
  let workerId: string | undefined

  async function make(): Promise<void> {
    made ??= boss.createQueue(name, QUEUE)
    await made.catch((error: unknown) => {
      made = undefined
      throw error
    })
  }

  return {
    async add(jobs) {
      await make()
      await boss.insert(name, jobs.map(toPgBossJob))
      // other processes hear of it by NOTIFY, or ask within `pollMs`
      if (workerId !== undefined && jobs.some(({ delayMs }) => delayMs === 0)) boss.notifyWorker(workerId)
    },
    async consume(run) {
      await make()
      workerId = await boss.work(
        name,
        {
          batchSize: concurrency,
          burstWhenBatchFull: true,
          pollingIntervalSeconds: pollMs / 1000,
          // no NOTIFY tells of a job that starts later
          notifyPollingIntervalSeconds: pollMs / 1000,
        },
        async (jobs) => {
          await Promise.all(jobs.map(({ data }) => run(idsOf(data))))
        },
      )
    },
    async pause() {
      if (workerId !== undefined) await boss.offWork(name, { id: workerId, wait: true })
      workerId = undefined
    },
    async close() {
      // everything is the host's
    },
  }
}

function toPgBossJob({ ids, at, delayMs, key }: WakeJob) {
  return {
    data: toData(ids, at),
    // without a key of its own a job would stand for every other one without
    singletonKey: key ?? randomUUID(),
    ...(delayMs > 0 ? { startAfter: delayMs / 1000 } : {}),
  }
}
