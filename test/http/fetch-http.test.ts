import { HttpResponse, http as mock } from 'msw'
import { setupServer } from 'msw/node'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { fetchHttp, type HttpOptions } from '../../src/http/index.ts'

const request = (options: HttpOptions, url = 'https://hooks.example.com/in?a=1') => {
  const port = fetchHttp(options)
  return port
    .request({ method: 'POST', url, headers: { 'x-a': '1' }, body: '{"a":1}', deadlineAt: Date.now() + 5_000 })
    .finally(() => port.close())
}

const lookup = vi.fn(async () => {
  throw new Error('the lookup was asked')
})

describe('fetchHttp with a plain msw server, offline', () => {
  const server = setupServer()
  beforeAll(() => server.listen({ onUnhandledFrame: 'error' }))
  afterEach(() => {
    server.resetHandlers()
    lookup.mockClear()
  })
  afterAll(() => server.close())

  it('is answered by the handler, without a lookup', async () => {
    const seen: unknown[] = []
    server.use(
      mock.post('https://hooks.example.com/in', async ({ request: { headers, url, text: _, ...rest }, request }) => {
        seen.push(url, headers.get('x-a'), headers.get('user-agent'), await request.text(), Object.keys(rest).length)
        return HttpResponse.json({ ok: true }, { status: 201, headers: { 'x-b': '2' } })
      }),
    )
    const response = await request({ lookup })
    expect(response).toMatchObject({ status: 201, text: '{"ok":true}', truncated: false })
    expect(response.headers).toMatchObject({ 'x-b': '2', 'content-type': 'application/json' })
    expect(seen.slice(0, 4)).toEqual(['https://hooks.example.com/in?a=1', '1', 'signalbox', '{"a":1}'])
    expect(lookup).not.toHaveBeenCalled()
  })

  it('keeps its limits: redirects, long bodies, deadlines', async () => {
    server.use(mock.post('https://hooks.example.com/in', () => HttpResponse.redirect('https://10.0.0.1/', 302)))
    expect(await request({ lookup })).toMatchObject({ status: 302, headers: { location: 'https://10.0.0.1/' } })
    server.use(mock.post('https://hooks.example.com/in', () => HttpResponse.text('x'.repeat(100_000))))
    const long = await request({ lookup })
    expect([long.text.length, long.truncated]).toEqual([16_384, true])
    server.use(mock.post('https://hooks.example.com/in', () => HttpResponse.error()))
    await expect(request({ lookup })).rejects.toMatchObject({ name: 'HttpError', code: 'network_error' })
    expect(lookup).not.toHaveBeenCalled()
  })

  it('refuses a blocked URL before any handler sees it', async () => {
    const handler = vi.fn(() => HttpResponse.json({}))
    server.use(mock.post('*', handler))
    for (const url of ['https://169.254.169.254/', 'https://localhost/', 'http://hooks.example.com/in'])
      await expect(request({ lookup }, url)).rejects.toMatchObject({ code: 'blocked_url', written: false })
    expect(handler).not.toHaveBeenCalled()
  })
})

describe('fetchHttp with another fetch', () => {
  afterEach(() => {
    vi.unstubAllGlobals()
  })

  it('reads globalThis.fetch at each call', async () => {
    const port = fetchHttp({ lookup })
    const send = () =>
      port.request({ method: 'GET', url: 'https://a.example.com/', headers: {}, deadlineAt: Date.now() + 5_000 })
    vi.stubGlobal('fetch', async () => new Response('first'))
    expect((await send()).text).toBe('first')
    vi.stubGlobal('fetch', async () => new Response('second', { status: 202 }))
    expect(await send()).toMatchObject({ status: 202, text: 'second' })
    vi.stubGlobal('fetch', () => {
      throw new TypeError('secret')
    })
    await expect(send()).rejects.toMatchObject({ name: 'HttpError', message: expect.not.stringMatching(/secret/) })
    await port.close()
  })

  it('settles at the deadline whatever fetch does', async () => {
    vi.stubGlobal('fetch', () => new Promise(() => {}))
    const port = fetchHttp()
    const never = port.request({
      method: 'POST',
      url: 'https://a.example.com/',
      headers: {},
      deadlineAt: Date.now() + 100,
    })
    await expect(never).rejects.toMatchObject({ code: 'timeout' })
    await port.close()
  })

  it('refuses a status that is none', async () => {
    vi.stubGlobal('fetch', async () => Object.defineProperty(new Response(''), 'status', { value: 700 }))
    await expect(request({})).rejects.toMatchObject({ code: 'invalid_response', written: true })
  })
})
