/** A queue of BullMQ, worked off in the same process. */
import { importPeer } from '../peers.ts'
import { openClient } from './clients.ts'
import type { Contender, Setting } from './contender.ts'
import type { BenchEvent } from './event.ts'

/**
 * As its documentation has it: one worker with a high `concurrency`, for work that waits for the network ("Parallelism
 * and Concurrency"); finished jobs removed, for Redis not to fill up ("Going to production"); retries with backoff.
 */
export async function openBullmq({ spec, origin, namespace, redisUrl, delivered }: Setting): Promise<Contender> {
  const { Queue, Worker } = await importPeer<typeof import('bullmq')>('bullmq')
  const client = await openClient(spec.client ?? 'undici', origin, spec.concurrency)
  const base = { connection: { url: redisUrl }, prefix: namespace }
  const queue = new Queue<BenchEvent>('deliveries', {
    ...base,
    defaultJobOptions: {
      attempts: 5,
      backoff: { type: 'exponential', delay: 1000 },
      removeOnComplete: true,
      removeOnFail: 1000,
    },
  })
  const worker = new Worker<BenchEvent>(
    'deliveries',
    async ({ data }) => {
      await client.send(data)
      delivered()
    },
    { ...base, concurrency: spec.concurrency, maxStalledCount: 0 },
  )
  await Promise.all([queue.waitUntilReady(), worker.waitUntilReady()])
  return {
    enqueue: (event) => queue.add('deliver', event),
    enqueueMany: (events) => queue.addBulk(events.map((data) => ({ name: 'deliver', data }))),
    async close() {
      await worker.close()
      await queue.close()
      await client.close()
    },
  }
}
