import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { type Entry, readJournal } from './journal.ts'
import type { Site } from './site.ts'

export interface ChildOptions {
  /** Unique: event ids begin with it. */
  readonly name: string
  /** `host`: dispatches, and is no worker. `dispatch`: both. `drain`: works until nothing is left, and ends. */
  readonly role: 'host' | 'dispatch' | 'work' | 'drain'
  readonly site: Site
  readonly journal: string
  /** Events to dispatch first: the process before died before it knew. */
  readonly again: readonly string[]
  /** At most so many rounds of dispatches. */
  readonly turns: number
  readonly pauseMs: number
  /** At SIGTERM. */
  readonly graceMs: number
}

/** A process under test. */
export interface Child {
  readonly name: string
  readonly role: ChildOptions['role']
  /** Resolves when it works, or has ended. */
  readonly ready: Promise<void>
  /** Has not ended, as far as is known. */
  alive(): boolean
  readonly exited: Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>
  kill(signal: 'SIGKILL' | 'SIGTERM' | 'SIGSTOP' | 'SIGCONT'): void
  journal(): readonly Entry[]
  /** What it wrote to stderr. */
  stderr(): string
}

export function startChild(options: ChildOptions): Child {
  const child: ChildProcess = spawn(
    process.execPath,
    [
      '--disable-warning=ExperimentalWarning',
      fileURLToPath(new URL('child.ts', import.meta.url)),
      JSON.stringify(options),
    ],
    { stdio: ['pipe', 'pipe', 'pipe'], env: {} },
  )
  let stderr = ''
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
  })
  const exited: Child['exited'] = new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', (code, signal) => resolve({ code, signal }))
  })
  const told = new Promise<void>((resolve) => child.stdout?.once('data', () => resolve()))
  return {
    name: options.name,
    role: options.role,
    alive: () => child.exitCode === null && child.signalCode === null,
    exited,
    ready: Promise.race([told, exited.then(() => undefined)]),
    kill: (signal) => void child.kill(signal),
    journal: () => (existsSync(options.journal) ? readJournal(options.journal) : []),
    stderr: () => stderr,
  }
}
