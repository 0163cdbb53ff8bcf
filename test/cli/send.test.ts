import { afterEach, describe, expect, it } from 'vitest'
import { receiver } from '../../src/receiving/index.ts'
import {
  generateSecret,
  ghostCmsSignature,
  ghostSignature,
  github,
  standardWebhooks,
  stripe,
} from '../../src/signing/index.ts'
import { startReceiver, status } from '../support/receiver.ts'
import { cli, lines, listening, ran, SECRET } from './support.ts'

const cleanups: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

async function endpoint(...args: Parameters<typeof startReceiver>) {
  const started = await startReceiver(...args)
  cleanups.push(started.close)
  return started
}

describe('send', () => {
  it('sends a signed test message and ends with 0', async () => {
    const target = await endpoint(status(204))
    const { code, out, err } = await ran(['send', '--url', `${target.url}/in`, '--secret', SECRET, '--type', 'test'])
    expect({ code, err }).toEqual({ code: 0, err: '' })
    expect(out).toMatch(/^✓ 204 {2}msg_[0-9a-f]{32} {2}\d+ ms\n$/)
    const [request] = target.requests
    expect(request?.headers['user-agent']).toBe('signalbox-cli/1.2.3')
    const hooks = receiver({ scheme: standardWebhooks(), secrets: [SECRET], format: 'standard' })
    expect(await hooks.receive({ headers: request?.headers ?? {}, body: request?.body ?? '' })).toMatchObject({
      event: { kind: 'test', title: 'Test notification', href: 'https://example.com/' },
    })
  })

  it.each([
    ['standard', standardWebhooks(), {}],
    ['ghost', ghostSignature(), {}],
    ['ghost-cms', ghostCmsSignature(), { event: 'post.published', post: { current: {} } }],
    ['stripe', stripe(), { object: 'event', type: 'post.published', data: { object: { title: 'Hi' } } }],
    ['github', github(), { title: 'Hi', body: 'Text' }],
  ])('writes what senders of the scheme %s write', async (name, scheme, payload) => {
    const target = await endpoint()
    const words = ['--type', 'post.published', '--title', 'Hi', '--body', 'Text', '--href', 'https://a.example/']
    expect((await ran(['send', '--url', target.url, '--secret', SECRET, '--scheme', name, ...words])).code).toBe(0)
    const [request] = target.requests
    const webhook = await receiver({ scheme, secrets: [SECRET] }).receive({
      headers: request?.headers ?? {},
      body: request?.body ?? '',
    })
    expect(webhook).toMatchObject({ type: 'post.published', payload })
    if (name === 'standard' || name === 'ghost') {
      expect(webhook.event).toMatchObject({ type: 'post.published', title: 'Hi', body: 'Text' })
    }
    if (name === 'stripe') expect(webhook.id).toMatch(/^evt_/)
    if (name === 'github') expect(webhook.id).toMatch(/^msg_/)
  })

  it.each(['ghost', 'standard', 'cloudevents'] as const)('writes the format %s, digests too', async (format) => {
    const target = await endpoint()
    const base = ['send', '--url', target.url, '--secret', SECRET, '--format', format]
    await ran([...base, '--type', 'a', '--metadata', '{"records":2}'])
    await ran([...base, '--type', 'digest', '--title', 'Two things'])
    const hooks = receiver({ scheme: standardWebhooks(), secrets: [SECRET], format })
    const read = await Promise.all(target.requests.map(({ headers, body }) => hooks.receive({ headers, body })))
    expect(read.map(({ event }) => event)).toEqual([
      expect.objectContaining({ kind: 'event', type: 'a', metadata: { records: 2 } }),
      expect.objectContaining({ kind: 'digest', subject: 'Two things', items: [expect.anything(), expect.anything()] }),
    ])
  })

  it('sends many, each with an id of its own', async () => {
    const target = await endpoint()
    const { code, out } = await ran(['send', '--url', target.url, '--secret', SECRET, '--count', '5', '--json'])
    expect(code).toBe(0)
    expect(target.requests).toHaveLength(5)
    const ids = target.requests.map(({ headers }) => headers['webhook-id'])
    expect(new Set(ids).size).toBe(5)
    expect(lines(out)).toEqual(
      ids.map((id) => ({ kind: 'sent', delivered: true, id, status: 200, ms: expect.any(Number), answer: 'ok' })),
    )
  })

  it('takes the secret of the environment, and needs none where the scheme does not', async () => {
    const target = await endpoint()
    expect((await ran(['send', '--url', target.url], { WEBHOOK_SECRET: SECRET })).code).toBe(0)
    expect((await ran(['send', '--url', target.url, '--scheme', 'ghost-cms'])).code).toBe(0)
    expect(target.requests[0]?.headers).toHaveProperty('webhook-signature')
    expect(target.requests[1]?.headers).not.toHaveProperty('x-ghost-signature')
  })

  it('ends with 1 when one of several fails, and shows what was answered, made safe', async () => {
    const long = `no\u001b[31m way\n${SECRET} ${'x'.repeat(400)}`
    const target = await endpoint((_request, response, count) => {
      response.writeHead(count === 2 ? 422 : 200)
      response.end(count === 2 ? long : 'fine')
    })
    const { code, out } = await ran(['send', '--url', target.url, '--secret', SECRET, '--count', '3'])
    expect(code).toBe(1)
    expect(target.requests).toHaveLength(3)
    expect(out).toMatch(/✗ 422 {2}msg_\w+ {2}\d+ ms\n {2}no\\u001b\[31m way \[redacted\] x+…\n/)
    expect(out).not.toContain('fine')
  })

  it('ends with 1 where nobody is there, and where no answer comes in time', async () => {
    const gone = await startReceiver()
    await gone.close()
    const refused = await ran(['send', '--url', gone.url, '--secret', SECRET])
    expect(refused).toMatchObject({ code: 1, out: expect.stringContaining('✗ connection_refused') })
    const silent = await endpoint(() => {})
    const late = await ran(['send', '--url', silent.url, '--secret', SECRET, '--timeout', '200'])
    expect(late).toMatchObject({ code: 1, out: expect.stringContaining('✗ timeout') })
  })

  it('stops in the middle when it is told to', async () => {
    const target = await endpoint(() => void command.stop())
    const command = cli(['send', '--url', target.url, '--secret', SECRET, '--count', '100'])
    expect(await command.done).toBe(1)
    expect(target.requests).toHaveLength(1)
    expect(command.out()).toContain('✗ cancelled')
  })
})

describe('send and listen against each other', () => {
  it.each(['standard', 'ghost', 'ghost-cms', 'stripe', 'github'])('understand each other by %s', async (scheme) => {
    const secret = generateSecret()
    const command = await listening(['--scheme', scheme, '--secret', secret, '--json'])
    cleanups.push(command.stop)
    const base = ['send', '--url', command.url, '--scheme', scheme, '--type', 'site.changed', '--count', '2']
    expect((await ran([...base, '--secret', secret])).code).toBe(0)
    expect((await ran([...base, '--secret', generateSecret()])).code).toBe(1)
    await command.stop()
    expect(lines(command.out()).at(-1)).toEqual({
      kind: 'ended',
      received: 2,
      refused: 2,
      duplicates: 0,
      forwarded: 0,
      failed: 0,
    })
  })
})
