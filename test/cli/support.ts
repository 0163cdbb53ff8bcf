import { PassThrough } from 'node:stream'
import { run } from '../../src/cli/program.ts'

export const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'

interface Printed {
  readonly stream: PassThrough
  text(): string
  /** The first match, now or as soon as it is printed. */
  until(pattern: RegExp): Promise<RegExpExecArray>
}

function printed(): Printed {
  const stream = new PassThrough()
  let text = ''
  const waiting = new Set<() => void>()
  stream.on('data', (chunk: Buffer) => {
    text += chunk.toString()
    for (const look of waiting) look()
  })
  return {
    stream,
    text: () => text,
    until: (pattern) =>
      new Promise((resolve) => {
        const look = (): void => {
          const match = pattern.exec(text)
          if (match === null) return
          waiting.delete(look)
          resolve(match)
        }
        waiting.add(look)
        look()
      }),
  }
}

/** Runs one command line in this process. */
export function cli(argv: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const stdout = printed()
  const stderr = printed()
  const stopped = new AbortController()
  const done = run({
    argv,
    env,
    stdout: stdout.stream,
    stderr: stderr.stream,
    signal: stopped.signal,
    version: '1.2.3',
  })
  return {
    done,
    stop: () => {
      stopped.abort()
      return done
    },
    out: stdout.text,
    err: stderr.text,
    until: stdout.until,
  }
}

/** Runs a command line that ends by itself. */
export async function ran(argv: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const command = cli(argv, env)
  const code = await command.done
  return { code, out: command.out(), err: command.err() }
}

/** `listen` on a free port, once it does. */
export async function listening(argv: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const command = cli(['listen', '--port', '0', ...argv], env)
  const match = await Promise.race([command.until(/http:\/\/127\.0\.0\.1:\d+/), command.done])
  if (typeof match === 'number') throw new Error(`it ended with ${match}: ${command.err()}`)
  return { ...command, url: `${match[0]}/in` }
}

/** What was printed with --json, by line. */
export function lines(text: string): readonly Record<string, unknown>[] {
  return text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
}
