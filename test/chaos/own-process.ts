import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'

/** A server of the test's own: it ends with this process, however that ends. */
export interface OwnProcess {
  readonly running: () => boolean
  /** The last that it wrote to stderr. */
  readonly output: () => string
  end(signal: 'SIGINT' | 'SIGQUIT' | 'SIGKILL'): Promise<void>
}

/** Where a program is, if it is. */
export function onPath(program: string): string | undefined {
  const folders = (process.env.PATH ?? '').split(delimiter)
  return folders.map((folder) => join(folder, program)).find((file) => existsSync(file))
}

/** The shell becomes the server; beside it someone waits for the end of a pipe that this process holds. */
const SCRIPT = '(cat <&3 >/dev/null; kill -INT $$ 2>/dev/null) & exec "$@" 3<&-'

export function startOwnProcess(command: string, args: readonly string[], options: SpawnOptions = {}): OwnProcess {
  const child: ChildProcess = spawn('sh', ['-c', SCRIPT, 'sh', command, ...args], {
    ...options,
    stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
  })
  let output = ''
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    output = `${output}${text}`.slice(-5000)
  })
  const exited = once(child, 'exit')
  const running = (): boolean => child.exitCode === null && child.signalCode === null
  return {
    running,
    output: () => output,
    async end(signal) {
      if (running()) child.kill(signal)
      await exited
      child.stdio[3]?.destroy()
    },
  }
}
