import { execFile, spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const root = fileURLToPath(new URL('../../', import.meta.url))
const exec = promisify(execFile)
const built = join(root, 'dist/cli/main.js')

/** The build must be of these sources: of others it would say nothing. */
function whyNot(): string | undefined {
  if (!existsSync(built)) return 'there is no build: npm run build'
  const sources = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
  const since = statSync(built).mtimeMs
  const newer = sources.find((file) => statSync(join(root, 'src', file)).mtimeMs > since)
  return newer === undefined ? undefined : `src/${newer} is newer than the build: npm run build`
}

const skip = whyNot()
if (skip !== undefined) console.info(`skipped: the packed tarball: ${skip}`)

describe.skipIf(skip !== undefined)('the packed tarball', () => {
  let host = ''
  let bin = ''
  afterAll(() => rmSync(host, { recursive: true }))

  // As `npm install signalbox.tgz` leaves it, with this checkout's copies of its dependencies.
  beforeAll(async () => {
    host = mkdtempSync(join(tmpdir(), 'signalbox-packed-'))
    const modules = join(host, 'node_modules')
    bin = join(modules, '.bin/signalbox')
    mkdirSync(join(modules, '.bin'), { recursive: true })
    const { stdout } = await exec('npm', ['pack', '--ignore-scripts', '--silent', '--pack-destination', host], {
      cwd: root,
    })
    await exec('tar', ['-xzf', join(host, stdout.trim()), '-C', host])
    symlinkSync(join(host, 'package'), join(modules, 'signalbox'))
    const { dependencies, bin: bins } = JSON.parse(readFileSync(join(host, 'package/package.json'), 'utf8'))
    for (const name of Object.keys(dependencies)) {
      for (const folder of [modules, join(host, 'package/node_modules')]) {
        mkdirSync(dirname(join(folder, name)), { recursive: true })
        symlinkSync(join(root, 'node_modules', name), join(folder, name))
      }
    }
    symlinkSync(join(modules, 'signalbox', bins.signalbox), bin)
  })

  const env = { ...process.env, NODE_OPTIONS: '', WEBHOOK_SECRET: undefined, NO_COLOR: '1', FORCE_COLOR: undefined }

  it('has listen and send, which work against each other', async () => {
    const listening = spawn(bin, ['listen', '--port', '0', '--json'], { env, timeout: 15_000 })
    let out = ''
    const first = new Promise<{ url: string; secret: string }>((resolve) => {
      listening.stdout.on('data', (chunk: Buffer) => {
        out += chunk.toString()
        if (out.includes('\n')) resolve(JSON.parse(out.slice(0, out.indexOf('\n'))))
      })
    })
    const ended = new Promise((resolve) => {
      listening.on('close', resolve)
    })
    const { url, secret } = await first
    const sent = await exec(bin, ['send', '--url', `${url}/in`, '--secret', secret, '--type', 'test'], { env })
    expect(sent.stdout).toMatch(/^✓ 204 {2}msg_/)
    listening.kill('SIGINT')
    expect(await ended).toBe(0)
    expect(
      out
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line).kind),
    ).toEqual(['listening', 'received', 'ended'])
  })

  it('has the receiver, in both builds', async () => {
    const code = `
      const { receiver } = await import('signalbox/receiving')
      const { createRequire } = await import('node:module')
      const required = createRequire(${JSON.stringify(`${host}/`)})('signalbox/receiving')
      const { standardWebhooks, generateSecret } = await import('signalbox/signing')
      const secrets = [generateSecret()]
      for (const make of [receiver, required.receiver]) {
        const scheme = standardWebhooks()
        const headers = scheme.sign({ id: 'msg_1', sentAt: Date.now(), body: '{"type":"a"}', secrets })
        console.log((await make({ scheme, secrets }).receive({ headers, body: '{"type":"a"}' })).type)
      }`
    const { stdout } = await exec(process.execPath, ['--input-type=module', '-e', code], { env, cwd: host })
    expect(stdout).toBe('a\na\n')
  })
})
