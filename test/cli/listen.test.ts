import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import {
  generateSecret,
  ghostCmsSignature,
  ghostSignature,
  github,
  standardWebhooks,
  stripe,
} from '../../src/signing/index.ts'
import { startReceiver, status } from '../support/receiver.ts'
import { cli, lines, listening, SECRET } from './support.ts'

const cleanups: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

async function listen(...args: Parameters<typeof listening>) {
  const command = await listening(...args)
  cleanups.push(command.stop)
  return command
}

async function application(...args: Parameters<typeof startReceiver>) {
  const receiver = await startReceiver(...args)
  cleanups.push(receiver.close)
  return receiver
}

interface Signed {
  readonly id?: string
  readonly secret?: string
  readonly headers?: Readonly<Record<string, string>>
}

async function post(url: string, body: string, { id = 'msg_1', secret = SECRET, headers }: Signed = {}) {
  const signature = standardWebhooks().sign({ id, sentAt: Date.now(), body, secrets: [secret] })
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...signature, ...headers },
    body,
  })
  return { status: response.status, text: await response.text() }
}

describe('listen', () => {
  it('verifies and prints a webhook, answers 204, and tells at the end what there was', async () => {
    const { url, until, out, stop } = await listen(['--secret', SECRET])
    expect(await post(url, '{"type":"invoice_paid","data":{"amount":12}}')).toEqual({ status: 204, text: '' })
    await until(/✓ \d\d:\d\d:\d\d {2}invoice_paid {2}msg_1 {2}44 B/)
    expect(out()).toContain('\n  {\n    "type": "invoice_paid",\n    "data": {\n      "amount": 12\n')
    expect(await stop()).toBe(0)
    expect(out()).toContain('Ended: 1 verified, 0 refused\n')
    await expect(fetch(url)).rejects.toThrow()
  })

  it('refuses and tells a forged one, and one that is no POST', async () => {
    const { url, until, out } = await listen(['--secret', SECRET])
    const forged = await post(`${url}?token=cA7n4ry`, '{}', { secret: generateSecret() })
    expect(forged).toEqual({ status: 400, text: '{"error":"signature_invalid","reason":"no_match"}' })
    await until(/✗ \d\d:\d\d:\d\d {2}400 signature_invalid: no_match\n {2}POST \/in {2}2 B/)
    const get = await fetch(url)
    expect([get.status, get.headers.get('allow')]).toEqual([405, 'POST'])
    await until(/405 method: must be POST/)
    expect(out()).not.toContain('cA7n4ry')
  })

  it('tells duplicates', async () => {
    const { url, until, stop, out } = await listen(['--secret', SECRET])
    for (let i = 0; i < 2; i++) expect((await post(url, '{"type":"a"}')).status).toBe(204)
    await until(/● duplicate \d\d:/)
    await stop()
    expect(out()).toContain('Ended: 2 verified, 0 refused, 1 of them duplicates')
  })

  it.each([
    ['ghost', ghostSignature()],
    ['ghost-cms', ghostCmsSignature()],
    ['standard', standardWebhooks()],
    ['stripe', stripe()],
    ['github', github()],
  ])('knows the scheme %s', async (name, scheme) => {
    const { url, until } = await listen(['--scheme', name, '--secret', SECRET])
    const body = '{"n":1}'
    const headers = scheme.sign({ id: 'msg_1', sentAt: Date.now(), body, secrets: [SECRET] })
    expect((await fetch(url, { method: 'POST', headers, body })).status).toBe(204)
    await until(/✓/)
  })

  it('generates a secret where none is given, and prints it once', async () => {
    const { url, until, out } = await listen([])
    const [, secret = ''] = await until(/^Signing secret, generated for this run: (whsec_\S+)$/m)
    expect((await post(url, JSON.stringify({ type: 'a', echo: secret }), { secret })).status).toBe(204)
    await until(/✓/)
    expect(out().split(secret)).toHaveLength(2)
    expect(out()).toContain('"echo": "[redacted]"')
  })

  it('takes the secret of the environment, and several of the command line while one is rotated', async () => {
    const other = generateSecret()
    const fromEnvironment = await listen([], { WEBHOOK_SECRET: SECRET })
    expect((await post(fromEnvironment.url, '{}')).status).toBe(204)
    expect(fromEnvironment.out()).not.toContain('Signing secret')
    const both = await listen(['--secret', other, '--secret', SECRET], { WEBHOOK_SECRET: 'whsec_unused' })
    expect((await post(both.url, '{}')).status).toBe(204)
    expect((await post(both.url, '{}', { id: 'msg_2', secret: other })).status).toBe(204)
  })

  it('never prints a secret that was given, also when a request repeats it', async () => {
    const { url, stop, out, err } = await listen(['--secret', SECRET])
    const long = `${'x'.repeat(180)}${SECRET}`
    await post(url, JSON.stringify({ type: SECRET, long, [SECRET]: 1 }))
    await post(`${url}/${SECRET}`, '{}', { secret: generateSecret() })
    await stop()
    expect(out()).toContain('Ended: 1 verified, 1 refused')
    expect(out() + err()).not.toContain(SECRET.slice(6, 20))
  })

  it('shows control characters and changes of direction, and does not pass them to the terminal', async () => {
    const { url, until, out } = await listen(['--secret', SECRET])
    await post(url, JSON.stringify({ type: '\u001b[2J\u009b31m\u202eevil\u0007\r\n✓ forged', body: '\u009b2J' }))
    await until(/\\u001b\[2J\\u009b31m\\u202eevil\\u0007\\u000d ✓ forged {2}msg_1/)
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
    expect(out()).not.toMatch(/[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]/)
  })

  it('survives what is nested too deep, long, binary or empty', async () => {
    const { url, stop, out } = await listen(['--secret', SECRET])
    expect((await post(url, '['.repeat(20_000) + ']'.repeat(20_000))).status).toBe(204)
    expect((await post(url, JSON.stringify(Array.from({ length: 100 }, (_, n) => n)), { id: 'm2' })).status).toBe(204)
    expect((await post(url, '', { id: 'm3' })).status).toBe(400)
    await stop()
    expect(out()).toContain('… 62 more lines')
    expect(
      out()
        .split('\n')
        .every((line) => line.length < 300),
    ).toBe(true)
  })

  it('refuses what is too large, and forgets a sender that hangs up', async () => {
    const { url, until, stop, out } = await listen(['--secret', SECRET])
    expect((await post(url, 'x'.repeat(10_485_761))).status).toBe(413)
    await until(/413 body: must have at most 10485760 bytes/)
    const socket = connect(Number(new URL(url).port), '127.0.0.1')
    await new Promise<void>((resolve) =>
      socket.write('POST /in HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n{', () => resolve()),
    )
    socket.destroy()
    expect((await post(url, '{}')).status).toBe(204)
    await stop()
    expect(out()).toContain('Ended: 1 verified, 1 refused')
  })
})

describe('listen --forward-to', () => {
  it('sends method, headers and raw bytes on, so that the signature holds there too, and relays the answer', async () => {
    const target = await application((_request, response) => {
      response.writeHead(202, { 'content-type': 'text/x-own' })
      response.end('taken')
    })
    const { url, until } = await listen(['--secret', SECRET, '--forward-to', `${target.url}/hooks?key=cA7n4ry`])
    const body = '{ "type" : "a",\t"name":"Héllo ✓" }'
    expect(await post(url, body, { headers: { 'x-own': 'ü', cookie: 'a=1' } })).toEqual({ status: 202, text: 'taken' })
    const [request] = target.requests
    expect(request).toMatchObject({ method: 'POST', path: '/hooks?key=cA7n4ry' })
    expect(request?.body.toString()).toBe(body)
    expect(request?.headers).toMatchObject({ 'x-own': 'ü', cookie: 'a=1', 'content-type': 'application/json' })
    expect(request?.headers.host).toBe(new URL(target.url).host)
    const { headers = {}, body: raw = Buffer.alloc(0) } = request ?? {}
    expect(standardWebhooks().verify({ headers, body: raw, secrets: [SECRET] })).toMatchObject({ ok: true })
    await until(/→ 202 in \d+ ms/)
  })

  it('reaches an application by the name of this machine', async () => {
    const target = await application()
    const { url } = await listen(['--secret', SECRET, '--forward-to', target.url.replace('127.0.0.1', 'localhost')])
    expect((await post(url, '{}')).status).toBe(200)
  })

  it('says where to at the start, without the query and what a path may hide', async () => {
    const target = await application()
    const { out } = await listen(['--secret', SECRET, '--forward-to', `${target.url}/in/cA7n4rycA7n4ry?key=cA7n4ry`])
    expect(out()).toContain(`Forwarding to ${target.url}/in/cA7n4ryc…\n`)
    expect(out()).not.toContain('key=')
  })

  it('does not forward what is not verified', async () => {
    const target = await application()
    const { url } = await listen(['--secret', SECRET, '--forward-to', target.url])
    expect((await post(url, '{}', { secret: generateSecret() })).status).toBe(400)
    expect(target.requests).toEqual([])
  })

  it('lets the sender try again where the application fails, and forwards duplicates', async () => {
    const target = await application(status(503))
    const { url, stop, out } = await listen(['--secret', SECRET, '--forward-to', target.url])
    expect((await post(url, '{"type":"a"}')).status).toBe(503)
    target.answerWith(status(200))
    expect((await post(url, '{"type":"a"}')).status).toBe(200)
    expect((await post(url, '{"type":"a"}')).status).toBe(200)
    expect(target.requests).toHaveLength(3)
    await stop()
    expect(out().match(/● duplicate/g)).toHaveLength(1)
    expect(out()).toContain('Ended: 3 verified, 0 refused, 1 of them duplicates, 3 forwarded, 1 without success')
  })

  it('answers 502 where nobody is there, and follows no redirect', async () => {
    const gone = await startReceiver()
    await gone.close()
    const { url, until } = await listen(['--secret', SECRET, '--forward-to', gone.url])
    expect((await post(url, '{}')).status).toBe(502)
    await until(/→ connection_refused in/)
    const trap = await application()
    const target = await application(status(307, { location: trap.url }))
    const second = await listen(['--secret', SECRET, '--forward-to', target.url])
    const headers = standardWebhooks().sign({ id: 'm', sentAt: Date.now(), body: '{}', secrets: [SECRET] })
    const response = await fetch(second.url, { method: 'POST', headers, body: '{}', redirect: 'manual' })
    expect(response.status).toBe(307)
    expect(trap.requests).toEqual([])
  })
})

describe('listen --json', () => {
  it('prints one line of JSON for each thing that happens', async () => {
    const target = await application(status(201))
    const { url, stop, out } = await listen(['--json', '--secret', SECRET, '--forward-to', target.url])
    await post(url, '{"type":"a"}')
    await post(url, '{"type":"a"}', { secret: generateSecret() })
    await post(url, '['.repeat(20_000) + ']'.repeat(20_000), { id: 'deep' })
    await stop()
    const [started, received, refused, deep, ended] = lines(out())
    expect(started).toEqual({
      kind: 'listening',
      url: url.replace('/in', ''),
      scheme: 'standard',
      forwardTo: `${target.url}/`,
    })
    expect(received).toMatchObject({
      kind: 'received',
      id: 'msg_1',
      type: 'a',
      scheme: 'standard-webhooks',
      duplicate: false,
      bytes: 12,
      payload: { type: 'a' },
      forwarded: { status: 201 },
    })
    expect(refused).toMatchObject({ kind: 'refused', status: 400, failure: 'no_match', method: 'POST', path: '/in' })
    expect(deep).toMatchObject({ kind: 'received', id: 'deep', payload: null })
    expect(ended).toEqual({ kind: 'ended', received: 2, refused: 1, duplicates: 0, forwarded: 2, failed: 0 })
  })

  it('has the generated secret in its first line', async () => {
    const { out } = await listen(['--json'])
    expect(lines(out())[0]).toMatchObject({ kind: 'listening', secret: expect.stringMatching(/^whsec_/) })
  })
})

describe('listen --save', () => {
  it('keeps the raw bytes of verified requests, under names that lead nowhere else', async () => {
    const parent = mkdtempSync(join(tmpdir(), 'signalbox-test-'))
    cleanups.push(() => rmSync(parent, { recursive: true }))
    const folder = join(parent, 'kept')
    const { url, until } = await listen(['--secret', SECRET, '--save', folder])
    const body = '{ "type" : "../../evil",\t"name":"Héllo ✓" }'
    await post(url, body)
    await post(url, '{}', { secret: generateSecret() })
    await post(url, '{"type":"b"}', { id: 'msg_2' })
    await until(/saved as .*0002-b\.body/)
    const files = readdirSync(folder)
    expect(files).toEqual([
      expect.stringMatching(/^\d{8}T\d{9}Z-0001-\.\._\.\._evil\.body$/),
      expect.stringMatching(/-0002-b\.body$/),
    ])
    expect(readFileSync(join(folder, files[0] ?? '')).equals(Buffer.from(body))).toBe(true)
    expect(readdirSync(parent)).toEqual(['kept'])
  })

  it('answers 500 where nothing can be kept, and goes on', async () => {
    const { url, err, stop } = await listen(['--secret', SECRET, '--save', '/dev/null/kept'])
    expect((await post(url, '{"type":"a"}')).status).toBe(500)
    expect(err()).toContain('error: ')
    expect(await stop()).toBe(0)
  })
})

it('listen ends with 1 where the port is taken', async () => {
  const { url } = await listen(['--secret', SECRET])
  const second = cli(['listen', '--secret', SECRET, '--port', new URL(url).port])
  expect(await second.done).toBe(1)
  expect(second.err()).toMatch(/^error: can't listen on 127\.0\.0\.1:\d+: the port is in use\n$/)
})
