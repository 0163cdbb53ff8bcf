import { createServer, request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { type ReceiverOptions, receiver } from '../../src/receiving/index.ts'
import { standardWebhooks } from '../../src/signing/index.ts'
import { fetchRequest, SECRET, signed } from './support.ts'

const cleanups: (() => Promise<void> | void)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
  vi.restoreAllMocks()
})

const receiving = (options: Partial<ReceiverOptions> = {}) =>
  receiver({ scheme: standardWebhooks(), secrets: [SECRET], ...options })

const JSON_TYPE = { 'content-type': 'application/json' }
const now = () => ({ sentAt: Date.now() })

async function serve(listener: (request: IncomingMessage, response: ServerResponse) => unknown): Promise<string> {
  const server = createServer((request, response) => void listener(request, response))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  cleanups.push(() => {
    server.close()
    server.closeAllConnections()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/in`
}

/** Both adapters behind one call: a request goes in, status and text come out. */
const adapters = {
  fetch: (hooks: ReturnType<typeof receiving>, handler: (webhook: { readonly type?: string }) => unknown) =>
    hooks.fetch(handler),
  node: (hooks: ReturnType<typeof receiving>, handler: (webhook: { readonly type?: string }) => unknown) => {
    const url = serve(hooks.node(handler))
    return async (request: Request) => {
      const body = request.body === null ? {} : { body: await request.arrayBuffer() }
      return fetch(await url, { method: request.method, headers: request.headers, ...body })
    }
  },
}

describe.each(Object.entries(adapters))('a %s handler', (_name, adapt) => {
  const quiet = { onError: () => {} }

  it('hands over a verified webhook and answers 204 without a body', async () => {
    const seen: unknown[] = []
    const call = adapt(receiving(), (webhook) => seen.push(webhook))
    const response = await call(fetchRequest(signed({ type: 'a' }, now())))
    expect([response.status, await response.text()]).toEqual([204, ''])
    expect(seen).toEqual([expect.objectContaining({ type: 'a', duplicate: false })])
    expect(seen[0]).not.toHaveProperty('confirm')
  })

  it.each([
    ['a forged one', fetchRequest({ ...signed({}, now()), body: '{"a":1}' }), 400, 'signature_invalid', 'no_match'],
    ['one without a signature', fetchRequest({ headers: {}, body: '{}' }), 400, 'signature_invalid', 'header_missing'],
    ['a GET', fetchRequest({ headers: {}, body: '' }, 'GET'), 405, 'invalid_input', 'method'],
    ['a large one', fetchRequest(signed('x'.repeat(300_000), now())), 413, 'invalid_input', 'body'],
    ['one that is no JSON', fetchRequest(signed('{', { ...now(), headers: JSON_TYPE })), 400, 'invalid_input', 'body'],
    [
      'another media type',
      fetchRequest(signed('<a/>', { ...now(), headers: { 'content-type': 'text/xml' } })),
      415,
      'invalid_input',
      'body',
    ],
  ])('answers %s with a code and a reason, and calls nobody', async (_, request, status, error, reason) => {
    let calls = 0
    const told: unknown[] = []
    const hooks = receiving({ maxBodyBytes: 200_000, onError: (_error, context) => told.push(context) })
    const response = await adapt(hooks, () => void calls++)(request)
    expect(response.status).toBe(status)
    expect(response.headers.get('content-type')).toBe('application/json')
    expect(response.headers.get('allow')).toBe(status === 405 ? 'POST' : null)
    expect(await response.json()).toEqual({ error, reason })
    expect(calls).toBe(0)
    expect(told).toEqual([{ status }])
  })

  it('answers 500 when the handler fails, tells the host why, and the sender nothing', async () => {
    const told: unknown[] = []
    const failure = new Error('cA7n4ry')
    const hooks = receiving({ onError: (error, context) => told.push([error, context]) })
    const call = adapt(hooks, () => {
      throw failure
    })
    const response = await call(fetchRequest(signed({ type: 'a' }, now())))
    expect([response.status, await response.text()]).toEqual([500, '{"error":"handler_failed"}'])
    expect(told).toEqual([[failure, { status: 500, id: 'msg_1', type: 'a' }]])
  })

  it('sends a Response of the handler as it is; one that is no success leaves the message unhandled', async () => {
    const answers = [
      new Response('later', { status: 429, headers: { 'retry-after': '5' } }),
      Response.json(
        { challenge: 'x' },
        {
          headers: [
            ['set-cookie', 'a=1'],
            ['set-cookie', 'b=2'],
          ],
        },
      ),
    ]
    const call = adapt(receiving(), () => answers.shift())
    const request = () => fetchRequest(signed({}, now()))
    const first = await call(request())
    expect([first.status, first.headers.get('retry-after'), await first.text()]).toEqual([429, '5', 'later'])
    const second = await call(request())
    expect([second.status, await second.json()]).toEqual([200, { challenge: 'x' }])
    expect(second.headers.getSetCookie()).toEqual(['a=1', 'b=2'])
    expect((await call(request())).status).toBe(204)
  })

  it('ignores any other result', async () => {
    const call = adapt(receiving({ dedupe: false, ...quiet }), () => ({ status: 418 }))
    expect((await call(fetchRequest(signed({}, now())))).status).toBe(204)
  })

  it('prints what the sender can do nothing about, and nothing else, where no onError is set', async () => {
    const print = vi.spyOn(console, 'error').mockImplementation(() => {})
    const failure = new Error('broken')
    const call = adapt(receiving(), () => {
      throw failure
    })
    await call(fetchRequest({ headers: {}, body: '{}' }))
    expect(print).not.toHaveBeenCalled()
    await call(fetchRequest(signed({}, now())))
    expect(print.mock.calls).toEqual([[failure]])
  })

  it('survives an onError that throws, and secrets that can not be had', async () => {
    const print = vi.spyOn(console, 'error').mockImplementation(() => {})
    const hooks = receiving({
      secrets: () => Promise.reject(new Error('vault away')),
      onError: () => {
        throw new Error('no log')
      },
    })
    const response = await adapt(hooks, () => {})(fetchRequest(signed({}, now())))
    expect([response.status, await response.text()]).toEqual([500, '{"error":"receiver_failed"}'])
    expect(print.mock.calls).toEqual([[new Error('no log')]])
  })
})

describe('the Fetch handler', () => {
  it('refuses a body that somebody has read before, and says what to do', async () => {
    const errors: unknown[] = []
    const request = fetchRequest(signed({}, now()))
    await request.text()
    const response = await receiving({ onError: (error) => errors.push(error) }).fetch(() => {})(request)
    expect(response.status).toBe(500)
    expect(errors).toEqual([expect.objectContaining({ message: expect.stringContaining('was read already') })])
  })

  it('stops to read where the body is too large, though no length was announced', async () => {
    let pulled = 0
    let cancelled = false
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        pulled += 1
        controller.enqueue(new Uint8Array(1000))
      },
      cancel() {
        cancelled = true
      },
    })
    const request = new Request('https://receiver.example.com/in', { method: 'POST', body, duplex: 'half' })
    const response = await receiving({ maxBodyBytes: 5000, onError: () => {} }).fetch(() => {})(request)
    expect(response.status).toBe(413)
    expect(pulled).toBeLessThan(12)
    expect(cancelled).toBe(true)
  })

  it('answers 400 where the body breaks off', async () => {
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        controller.error(new Error('reset'))
      },
    })
    const request = new Request('https://receiver.example.com/in', { method: 'POST', body, duplex: 'half' })
    expect((await receiving({ onError: () => {} }).fetch(() => {})(request)).status).toBe(400)
  })
})

describe('the node listener', () => {
  const post = async (url: string, { headers, body } = signed({ type: 'a' }, now())) => {
    const response = await fetch(url, { method: 'POST', headers, body })
    return [response.status, await response.text()]
  }
  type Read = (request: IncomingMessage) => Promise<object>

  it.each<[string, Read]>([
    ['rawBody, bytes', async (request) => ({ rawBody: await buffer(request), body: { parsed: true } })],
    ['rawBody, text', async (request) => ({ rawBody: (await buffer(request)).toString() })],
    ['a body of bytes, as express.raw() leaves it', async (request) => ({ body: await buffer(request) })],
    ['a body of text, as express.text() leaves it', async (request) => ({ body: (await buffer(request)).toString() })],
    ['nothing, and the stream is unread', async () => ({ body: {} })],
  ])('takes the raw body from what the framework has left: %s', async (_, read) => {
    const types: unknown[] = []
    const listener = receiving().node(({ type }) => types.push(type))
    const url = await serve(async (request, response) => {
      Object.assign(request, await read(request))
      await listener(request, response)
    })
    expect(await post(url)).toEqual([204, ''])
    expect(types).toEqual(['a'])
  })

  it('says what to do where a body parser has taken the raw bytes', async () => {
    const errors: unknown[] = []
    const listener = receiving({ onError: (error) => errors.push(error) }).node(() => {})
    const url = await serve(async (request, response) => {
      Object.assign(request, { body: JSON.parse((await buffer(request)).toString()) })
      await listener(request, response)
    })
    expect(await post(url)).toEqual([500, '{"error":"invalid_input","reason":"body"}'])
    expect(errors).toEqual([expect.objectContaining({ message: expect.stringContaining('before the body parser') })])
  })

  it('holds kept bodies to the limit too', async () => {
    const listener = receiving({ maxBodyBytes: 4, onError: () => {} }).node(() => {})
    const url = await serve(async (request, response) => {
      Object.assign(request, { rawBody: await buffer(request) })
      await listener(request, response)
    })
    expect((await post(url))[0]).toBe(413)
  })

  it('leaves an answer alone that the handler has given by itself', async () => {
    const hooks = receiving()
    const url = await serve((request, response) =>
      hooks.node(() => {
        response.writeHead(202).end('own')
      })(request, response),
    )
    expect(await post(url)).toEqual([202, 'own'])
  })

  it('answers 500 where the Response of the handler can not be read', async () => {
    const used = new Response('x')
    await used.text()
    const errors: unknown[] = []
    const url = await serve(receiving({ onError: (error) => errors.push(error) }).node(() => used))
    expect(await post(url)).toEqual([500, ''])
    expect(errors).toHaveLength(1)
  })

  it('answers 413 while the sender is still writing, without a length announced', async () => {
    const url = await serve(receiving({ maxBodyBytes: 1000, onError: () => {} }).node(() => {}))
    const answer = await new Promise<IncomingMessage>((resolve, reject) => {
      const request = httpRequest(url, { method: 'POST' }, resolve)
      request.on('error', reject)
      for (let i = 0; i < 20; i++) request.write(Buffer.alloc(10_000))
      request.end()
    })
    expect(answer.statusCode).toBe(413)
    answer.resume()
  })

  it('ends when the sender hangs up in the middle of the body', async () => {
    const { promise, resolve } = Promise.withResolvers<unknown>()
    let handled = 0
    const listener = receiving({ onError: (error) => resolve(error) }).node(() => void handled++)
    const url = await serve((request, response) => {
      void listener(request, response)
      request.once('data', () => socket.destroy())
    })
    const socket = connect(Number(new URL(url).port), '127.0.0.1')
    socket.write('POST /in HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{"a"')
    expect(await promise).toMatchObject({ code: 'invalid_input', status: 400 })
    expect(handled).toBe(0)
  })

  it('does not wait for a request that was over before it came', async () => {
    const errors: unknown[] = []
    const listener = receiving({ onError: (error) => errors.push(error) }).node(() => {})
    const url = await serve(async (request, response) => {
      request.destroy()
      await listener(request, response)
    })
    await expect(post(url)).rejects.toThrow()
    await vi.waitFor(() => expect(errors).toEqual([expect.objectContaining({ status: 400 })]))
  })
})
