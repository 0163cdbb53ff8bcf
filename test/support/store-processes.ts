import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'

/** A process that works on a store that others work on too, and what it has said so far. */
export interface StoreProcess {
  readonly child: ChildProcess
  readonly said: Record<'accepted' | 'leased' | 'stale', string[]>
  readonly ended: Promise<unknown>
}

/** `worker`: a program that calls `workOn` (store-worker.ts), given `where` its store is, its name and its batches. */
export function startStoreProcess(
  worker: URL,
  where: string,
  name: string,
  batches: number,
  onLine?: (process: StoreProcess) => void,
): StoreProcess {
  const child = spawn(process.execPath, ['--no-warnings', fileURLToPath(worker), where, name, String(batches)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const said: StoreProcess['said'] = { accepted: [], leased: [], stale: [] }
  const lines = createInterface({ input: child.stdout })
  const one: StoreProcess = { child, said, ended: Promise.all([once(child, 'exit'), once(lines, 'close')]) }
  onTestFinished(() => void child.kill('SIGKILL'))
  lines.on('line', (line) => {
    const [what = '', ...ids] = line.split(' ')
    if (what === 'accepted' || what === 'leased' || what === 'stale') said[what].push(...ids)
    onLine?.(one)
  })
  return one
}
