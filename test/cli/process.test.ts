import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, it } from 'vitest'
import { SECRET } from './support.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))
const hook = new URL('../examples/source-hook.ts', import.meta.url).href
const cleanups: (() => void)[] = []
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup()
})

/** The command as a process of its own, from the sources. */
function signalbox(argv: readonly string[], env: Readonly<Record<string, string | undefined>> = {}) {
  const child = spawn(process.execPath, ['--import', hook, `${root}src/cli/main.ts`, ...argv], {
    env: {
      ...process.env,
      NODE_OPTIONS: '',
      NODE_NO_WARNINGS: '1',
      FORCE_COLOR: undefined,
      NO_COLOR: undefined,
      WEBHOOK_SECRET: undefined,
      ...env,
    },
    timeout: 15_000,
  })
  cleanups.push(() => child.kill('SIGKILL'))
  let out = ''
  let err = ''
  const url = new Promise<string>((resolve) => {
    child.stdout.on('data', (chunk: Buffer) => {
      out += chunk.toString()
      const match = /http:\/\/127\.0\.0\.1:\d+/.exec(out)
      if (match !== null) resolve(match[0])
    })
  })
  child.stderr.on('data', (chunk: Buffer) => {
    err += chunk.toString()
  })
  const ended = new Promise<{ code: number | null; signal: string | null; out: string; err: string }>((resolve) => {
    child.on('close', (code, signal) => resolve({ code, signal, out, err }))
  })
  return { child, url, ended }
}

describe('the command as a process', () => {
  it('tells the version of the package', async () => {
    const { code, out } = await signalbox(['--version']).ended
    expect({ code, out }).toEqual({ code: 0, out: expect.stringMatching(/^\d+\.\d+\.\d+\S*\n$/) })
  })

  it('ends with the code of a mistake, told on stderr', async () => {
    expect(await signalbox(['send']).ended).toMatchObject({ code: 2, out: '', err: expect.stringContaining('--url') })
  })

  it.each(['SIGINT', 'SIGTERM'] as const)('listens until %s, and ends by itself with what there was', async (name) => {
    const listening = signalbox(['listen', '--port', '0'], { WEBHOOK_SECRET: SECRET })
    const url = await listening.url
    const sent = await signalbox(['send', '--url', url, '--count', '2'], { WEBHOOK_SECRET: SECRET }).ended
    expect(sent).toMatchObject({ code: 0, err: '' })
    listening.child.kill(name)
    const { code, signal, out, err } = await listening.ended
    expect({ code, signal, err }).toEqual({ code: 0, signal: null, err: '' })
    expect(out).toContain('Ended: 2 verified, 0 refused')
    expect(out + sent.out).not.toContain(SECRET)
    // a pipe is no terminal
    expect(out + sent.out).not.toContain('\u001b')
  })

  it('colours where it is forced to, and not where NO_COLOR is set', async () => {
    const listening = signalbox(['listen', '--port', '0'], { WEBHOOK_SECRET: SECRET, FORCE_COLOR: '1' })
    const url = await listening.url
    const send = ['send', '--url', url]
    const coloured = await signalbox(send, { WEBHOOK_SECRET: SECRET, FORCE_COLOR: '1' }).ended
    const plain = await signalbox(send, { WEBHOOK_SECRET: SECRET, NO_COLOR: '1' }).ended
    listening.child.kill('SIGINT')
    expect((await listening.ended).out).toContain('\u001b[32m✓\u001b[39m')
    expect(coloured.out).toContain('\u001b[32m')
    expect(plain.out).not.toContain('\u001b')
  })

  it('ends when nobody reads what it prints any more', async () => {
    const listening = signalbox(['listen', '--port', '0', '--json'], { WEBHOOK_SECRET: SECRET })
    const url = await listening.url
    listening.child.stdout.destroy()
    await signalbox(['send', '--url', url, '--count', '2'], { WEBHOOK_SECRET: SECRET }).ended
    expect(await listening.ended).toMatchObject({ code: 0, err: '' })
  })
})
