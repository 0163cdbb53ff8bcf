/** A worker in a process of its own, over a SQLite file: started by `startWorker`, works until SIGTERM. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { createDispatcher } from '../../src/dispatcher.ts'
import { undiciHttp } from '../../src/http/index.ts'
import type { WorkerOptions } from '../../src/index.ts'
import { sqliteStore } from '../../src/stores/sqlite.ts'
import { webhookTransport } from '../../src/transports/webhook.ts'
import { LOOPBACK } from '../support/receiver.ts'

export interface ProcessOptions {
  /** The `user-agent` of its requests. */
  readonly name: string
  readonly path: string
  readonly worker: WorkerOptions
}

export interface WorkerProcess {
  /** Ends it in order: what is under way is finished. */
  stop(): Promise<void>
  kill(): void
}

/** Waits between the tries of a delivery, in ms. */
const DELAYS_MS = [200, 200, 200]

/** A dispatcher like those of the processes, which does not work by itself. */
export function openDispatcher({ name, path, worker }: ProcessOptions) {
  const store = sqliteStore({ path })
  const dispatcher = createDispatcher({
    store,
    transports: [webhookTransport({ deadlineMs: 30_000, retry: { delaysMs: DELAYS_MS, jitter: 0, quick: false } })],
    http: undiciHttp({ ...LOOPBACK, userAgent: name }),
    worker,
    encryption: false,
  })
  return { store, dispatcher }
}

/** Resolves when it works. */
export async function startWorker(options: ProcessOptions): Promise<WorkerProcess> {
  const child: ChildProcess = spawn(
    process.execPath,
    ['--no-warnings', fileURLToPath(import.meta.url), JSON.stringify(options)],
    { stdio: ['pipe', 'pipe', 'inherit'] },
  )
  const exited = once(child, 'exit')
  if (child.stdout) await Promise.race([once(child.stdout, 'data'), exited])
  return {
    async stop() {
      child.kill('SIGTERM')
      await exited
    },
    kill: () => void child.kill('SIGKILL'),
  }
}

const given = process.argv[2]
if (process.argv[1] === fileURLToPath(import.meta.url) && given !== undefined) {
  const { store, dispatcher } = openDispatcher(JSON.parse(given))
  // nobody is left who would end this process
  process.stdin.resume().on('end', () => process.exit(1))
  process.on('SIGTERM', async () => {
    await dispatcher.close()
    await store.close()
    process.exit(0)
  })
  await dispatcher.start()
  process.stdout.write('ready\n')
}
