/** A queue of graphile-worker, worked off in the same process. */
import { importPeer } from '../peers.ts'
import { openClient } from './clients.ts'
import type { Contender, Setting } from './contender.ts'
import type { BenchEvent } from './event.ts'

/**
 * The fastest of its documentation ("Performance"): jobs fetched ahead for all workers of the process (`localQueue`),
 * and completed together (`completeJobBatchDelay: 0`: those of one turn of the event loop, without waiting). With
 * `refetchDelay` not every NOTIFY makes it fetch: half the CPU here, for up to 20 ms.
 */
export async function openGraphileWorker(setting: Setting): Promise<Contender> {
  const { spec, origin, namespace, postgresUrl, delivered } = setting
  const { run, makeWorkerUtils, Logger, WorkerPreset } = await importPeer<GraphileWorker>('graphile-worker')
  const client = await openClient(spec.client ?? 'undici', origin, spec.concurrency)
  const worker = {
    connectionString: postgresUrl,
    maxPoolSize: 20,
    schema: namespace,
    concurrentJobs: spec.concurrency,
    localQueue: { size: 500, refetchDelay: { durationMs: 20, threshold: 499, maxAbortThreshold: 500 } },
    completeJobBatchDelay: 0,
    failJobBatchDelay: 0,
    logger: new Logger(() => () => {}),
  }
  const preset = { extends: [WorkerPreset], worker }
  const utils = await makeWorkerUtils({ preset })
  await utils.migrate()
  const runner = await run({
    preset,
    noHandleSignals: true,
    parsedCronItems: [],
    taskList: {
      async deliver(event) {
        await client.send(event)
        delivered()
      },
    },
  })
  return {
    enqueue: (event) => utils.addJob('deliver', event),
    enqueueMany: (events) => utils.addJobs(events.map((payload) => ({ identifier: 'deliver', payload }))),
    async close() {
      await runner.stop()
      await utils.release()
      await client.close()
    },
  }
}

interface GraphileWorker {
  WorkerPreset: unknown
  Logger: new (factory: () => () => void) => unknown
  makeWorkerUtils(options: { preset: unknown }): Promise<{
    migrate(): Promise<void>
    addJob(task: 'deliver', payload: BenchEvent): Promise<unknown>
    addJobs(jobs: readonly { identifier: 'deliver'; payload: BenchEvent }[]): Promise<unknown>
    release(): Promise<void>
  }>
  run(options: {
    preset: unknown
    noHandleSignals: boolean
    parsedCronItems: readonly never[]
    taskList: { deliver(event: BenchEvent): Promise<void> }
  }): Promise<{ stop(): Promise<void> }>
}
