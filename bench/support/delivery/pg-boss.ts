/** Queues of pg-boss, worked off in the same process: 12, and 10, which many still run. */
import { importPeer } from '../peers.ts'
import { openClient } from './clients.ts'
import type { Contender, Setting } from './contender.ts'
import type { BenchEvent } from './event.ts'

const QUEUE = 'deliveries'
/** For webhooks the defaults, two retries at once, would not do. */
const RETRIES = { retryLimit: 5, retryDelay: 1, retryBackoff: true }
/** The least that it takes. */
const POLL_SECONDS = 0.5

/** Workers of one process, and connections. More of either cost more and brought nothing. */
const WORKERS = 4
const POOL = 20

/**
 * As its documentation has it for many short jobs: several workers (`localConcurrency`) that fetch batches
 * (`batchSize`), and a table of the queue's own (`partition`). They are woken by NOTIFY; or, in `burst`, which costs
 * less, they fetch larger batches, one after the other while these come back full (`burstWhenBatchFull`), and look again
 * after half a second.
 */
export async function openPgBoss(setting: Setting): Promise<Contender> {
  const { spec, origin, namespace, postgresUrl, delivered } = setting
  const { PgBoss } = await importPeer<typeof import('pg-boss')>('pg-boss')
  const client = await openClient(spec.client ?? 'undici', origin, spec.concurrency)
  const burst = spec.burst === true
  const boss = new PgBoss({ connectionString: postgresUrl, schema: namespace, useListenNotify: !burst, max: POOL })
  boss.on('error', (error) => console.error(error))
  await boss.start()
  await boss.createQueue(QUEUE, { ...RETRIES, notify: !burst, partition: true })
  await boss.work<BenchEvent>(
    QUEUE,
    {
      localConcurrency: WORKERS,
      // the client holds back what is more than `concurrency`
      batchSize: burst ? spec.concurrency : spec.concurrency / WORKERS,
      pollingIntervalSeconds: POLL_SECONDS,
      notifyPollingIntervalSeconds: POLL_SECONDS,
      burstWhenBatchFull: burst,
    },
    async (jobs) => {
      await Promise.all(jobs.map(({ data }) => client.send(data).then(delivered)))
    },
  )
  return {
    enqueue: (event) => boss.send(QUEUE, event),
    enqueueMany: (events) =>
      boss.insert(
        QUEUE,
        events.map((data) => ({ data })),
      ),
    // the last batches are completed
    drain: () => boss.offWork(QUEUE, { wait: true }),
    async close() {
      await boss.stop({ graceful: false })
      await client.close()
    },
  }
}

/**
 * As its documentation has it: several workers that fetch batches; the polling interval, of half a second at least, is
 * skipped by `notifyWorker` where there is work.
 */
export async function openPgBoss10({ spec, origin, namespace, postgresUrl, delivered }: Setting): Promise<Contender> {
  const { default: PgBoss } = await importPeer<PgBoss10>('pg-boss-10')
  const client = await openClient(spec.client ?? 'undici', origin, spec.concurrency)
  const boss = new PgBoss({ connectionString: postgresUrl, schema: namespace, max: POOL })
  boss.on('error', (error) => console.error(error))
  await boss.start()
  await boss.createQueue(QUEUE, { name: QUEUE, ...RETRIES })
  const batchSize = spec.concurrency / WORKERS
  const workers: string[] = []
  for (let index = 0; index < WORKERS; index++) {
    const id = await boss.work(QUEUE, { batchSize, pollingIntervalSeconds: POLL_SECONDS }, async (jobs) => {
      await Promise.all(jobs.map(({ data }) => client.send(data).then(delivered)))
      if (jobs.length === batchSize) boss.notifyWorker(id)
    })
    workers.push(id)
  }
  let turn = 0
  const wake = (): void => boss.notifyWorker(workers[turn++ % WORKERS] ?? '')
  return {
    enqueue: (event) => boss.send(QUEUE, event).then(wake),
    enqueueMany: (events) => boss.insert(events.map((data) => ({ name: QUEUE, data }))).then(wake),
    async close() {
      // it completes jobs beside the worker's loop
      while ((await boss.getQueueSize(QUEUE, { before: 'completed' })) > 0)
        await new Promise((go) => setTimeout(go, 10))
      await boss.stop({ graceful: false })
      await client.close()
    },
  }
}

interface PgBoss10 {
  default: new (options: {
    connectionString: string
    schema: string
    max: number
  }) => {
    on(event: 'error', listener: (error: unknown) => void): void
    start(): Promise<unknown>
    createQueue(name: string, options: { name: string } & typeof RETRIES): Promise<void>
    work(
      name: string,
      options: { batchSize: number; pollingIntervalSeconds: number },
      handler: (jobs: readonly { data: BenchEvent }[]) => Promise<void>,
    ): Promise<string>
    notifyWorker(id: string): void
    send(name: string, data: BenchEvent): Promise<unknown>
    insert(jobs: readonly { name: string; data: BenchEvent }[]): Promise<unknown>
    getQueueSize(name: string, options: { before: 'completed' }): Promise<number>
    stop(options: { graceful: boolean }): Promise<void>
  }
}
