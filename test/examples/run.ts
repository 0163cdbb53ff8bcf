import { spawn } from 'node:child_process'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'

export const root: string = fileURLToPath(new URL('../../', import.meta.url))
/** Ignored by git, as all of node_modules. */
const cache = fileURLToPath(new URL('../../node_modules/.cache/signalbox-examples', import.meta.url))
const hook = new URL('./source-hook.ts', import.meta.url).href

export interface Run {
  readonly exitCode: number | null
  readonly stdout: string
  readonly stderr: string
}

/** Runs TypeScript in a process of its own, against the sources. `code` comes by stdin, a file by its path. */
export async function run(
  program: ({ readonly file: string } | { readonly code: string }) & { readonly env?: NodeJS.ProcessEnv },
): Promise<Run> {
  const args = 'file' in program ? [program.file] : ['--input-type=module-typescript', '-']
  const child = spawn(process.execPath, ['--import', hook, ...args], {
    cwd: root,
    timeout: 45_000,
    env: {
      ...process.env,
      NODE_OPTIONS: '',
      NO_COLOR: '1',
      FORCE_COLOR: undefined,
      NODE_NO_WARNINGS: '1',
      NODE_COMPILE_CACHE: cache,
      ...program.env,
    },
  })
  child.stdin.end('code' in program ? program.code : '')
  const exit = new Promise<number | null>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', resolve)
  })
  const [stdout, stderr, exitCode] = await Promise.all([text(child.stdout), text(child.stderr), exit])
  return { exitCode, stdout, stderr }
}

/** What the comment `// Output:` at the end of `source` promises, or `undefined` where there is none. */
export function promisedOutput(source: string): string | undefined {
  const lines = source.trimEnd().split('\n')
  const from = lines.lastIndexOf('// Output:')
  if (from === -1) return undefined
  const output = lines.slice(from + 1)
  if (output.length === 0 || output.some((line) => !line.startsWith('//'))) return undefined
  return output.map((line) => line.replace(/^\/\/ ?/, '')).join('\n')
}
