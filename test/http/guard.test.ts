import { isIP } from 'node:net'
import type { Dispatcher } from 'undici'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { isSignalboxError } from '../../src/errors.ts'
import { type EgressGuardOptions, egressGuard, fetchHttp, isHttpError, undiciHttp } from '../../src/http/index.ts'
import { BLOCKED_ADDRESSES, BLOCKED_URLS, PUBLIC_ADDRESSES, PUBLIC_URLS } from './support/blocked.ts'
import { type FakeNetwork, fakeNetwork } from './support/fake-network.ts'
import { type RawServer, rawServer } from './support/raw-server.ts'

const literal = (address: string) => (isIP(address) === 6 ? `[${address}]` : address)
const answering =
  (...addresses: string[]) =>
  async () =>
    addresses.map((address) => ({ address, family: isIP(address) }))
const never = async () => {
  throw new Error('the lookup was asked')
}

/** A connection by the guard's dispatcher alone, without `check`: what it came to. */
async function connect(options: EgressGuardOptions, origin: string): Promise<unknown> {
  const guard = egressGuard(options)
  try {
    return await attempt(guard.agent, origin)
  } finally {
    await guard.close()
  }
}

function attempt(agent: Dispatcher, origin: string): Promise<unknown> {
  return agent.request({ origin, path: '/', method: 'POST', body: '{}' }).then(
    () => 'answered',
    (error: unknown) => error,
  )
}

const ports = [
  ['undiciHttp', undiciHttp],
  ['fetchHttp', fetchHttp],
] as const

async function request(make: (typeof ports)[number][1], options: EgressGuardOptions, url: string): Promise<unknown> {
  const http = make(options)
  try {
    return await http.request({ method: 'POST', url, headers: {}, body: '{}', deadlineAt: Date.now() + 5_000 })
  } catch (error) {
    return error
  } finally {
    await http.close()
  }
}

describe('what is blocked', () => {
  let network: FakeNetwork
  beforeEach(() => {
    network = fakeNetwork()
  })
  afterEach(() => {
    network.restore()
  })

  it('is a table of more than 120', () => {
    const urls = new Set([...BLOCKED_ADDRESSES.map(literal), ...BLOCKED_URLS.map(({ url }) => url)])
    expect(urls.size).toBeGreaterThan(180)
    expect(new Set([...PUBLIC_ADDRESSES, ...PUBLIC_URLS]).size).toBeGreaterThan(35)
  })

  it.each(BLOCKED_ADDRESSES)(
    'the address %s: no URL has it, no connection goes there, no name leads there',
    async (address) => {
      const url = `https://${literal(address)}/secret-path?secret=query`
      const refused = blockedUrl(() => egressGuard({ lookup: never }).check(url))
      expect(refused).not.toMatch(/secret/)
      expect(await connect({ lookup: never }, `https://${literal(address)}`)).toMatchObject({ code: 'blocked_address' })
      expect(await connect({ lookup: answering(address) }, 'https://rebound.example.com')).toMatchObject({
        code: 'blocked_address',
        written: false,
      })
      for (const [, make] of ports) {
        expect(await request(make, { lookup: never }, url)).toMatchObject({ code: 'blocked_url', written: false })
        const rebound = await request(make, { lookup: answering(address) }, 'https://rebound.example.com/')
        expect(rebound).toMatchObject({ name: 'HttpError', code: 'blocked_address', written: false })
      }
      expect(network.attempts).toEqual([])
    },
  )

  it.each(BLOCKED_URLS.map((one) => [JSON.stringify(one.url).slice(0, 80), one] as const))(
    'the URL %s',
    async (_, { url, address }) => {
      blockedUrl(() => egressGuard({ lookup: never }).check(url))
      for (const [, make] of ports) {
        expect(await request(make, { lookup: never }, url)).toMatchObject({ code: 'blocked_url', written: false })
      }
      if (address !== undefined) {
        const { origin, hostname } = new URL(url)
        expect(isIP(hostname.replace(/[[\]]/g, ''))).not.toBe(0)
        expect(await connect({ lookup: never }, origin)).toMatchObject({ code: 'blocked_address' })
      }
      expect(network.attempts).toEqual([])
    },
  )

  it.each(['localhost', 'redis', 'metadata.google.internal', 'printer.local', 'router.home.arpa'])(
    'the name %s, also by its address when the text is not checked',
    async (name) => {
      const result = await connect({ lookup: answering('127.0.0.1') }, `https://${name}`)
      expect(result).toMatchObject({ code: 'blocked_address' })
      expect(network.attempts).toEqual([])
    },
  )

  it.each([
    ['first', ['10.0.0.1', '8.8.8.8']],
    ['last', ['8.8.8.8', '1.1.1.1', '127.0.0.1']],
    ['of the other family', ['2606:4700:4700::1111', '8.8.8.8', '::1']],
    ['not an address', ['8.8.8.8', '8.8.8.8.evil']],
    ['spelled unusually', ['8.8.8.8', '0x7f.1']],
    ['with a zone', ['8.8.8.8', 'fe80::1%eth0']],
  ])('an answer with one bad address, %s, as a whole', async (_, addresses) => {
    for (const [, make] of ports) {
      const result = await request(make, { lookup: answering(...addresses) }, 'https://mixed.example.com/')
      expect(result).toMatchObject({ code: 'blocked_address', written: false })
    }
    expect(network.attempts).toEqual([])
  })

  it('a name whose answer changes: each connection goes by its own answer', async () => {
    const answers = [['8.8.8.8'], ['127.0.0.1'], ['169.254.169.254', '8.8.8.8']]
    const guard = egressGuard({ lookup: async () => answering(...(answers.shift() ?? []))() })
    guard.check('https://rebinding.example.com/')
    const codes: unknown[] = []
    for (let i = 0; i < 3; i++) {
      const result = await attempt(guard.agent, 'https://rebinding.example.com')
      codes.push(isHttpError(result) ? result.code : (result as { code?: unknown }).code)
    }
    expect(codes).toEqual(['ECONNREFUSED', 'blocked_address', 'blocked_address'])
    expect(network.attempts).toEqual(['8.8.8.8 443'])
    await guard.close()
  })

  it('a name without an address, or whose lookup fails, as a DNS error', async () => {
    for (const [, make] of ports) {
      const empty = await request(make, { lookup: async () => [] }, 'https://empty.example.com/')
      expect(empty).toMatchObject({ name: 'HttpError', code: 'dns_error', written: false })
      const failing = await request(make, { lookup: never }, 'https://failing.example.com/')
      expect(failing).toMatchObject({ name: 'HttpError', code: 'dns_error', written: false })
      expect(String(failing)).not.toMatch(/failing\.example/)
    }
    expect(network.attempts).toEqual([])
  })
})

describe('what is public', () => {
  let network: FakeNetwork
  beforeEach(() => {
    network = fakeNetwork()
  })
  afterEach(() => {
    network.restore()
  })

  it.each(PUBLIC_ADDRESSES)('the address %s passes, by itself and behind a name', async (address) => {
    const guard = egressGuard({ lookup: answering(address) })
    guard.check(`https://${literal(address)}/`)
    await attempt(guard.agent, `https://${literal(address)}`)
    await attempt(guard.agent, 'https://receiver.example.com:8443')
    await guard.close()
    expect(network.attempts).toEqual([
      `${new URL(`https://${literal(address)}`).hostname.replace(/[[\]]/g, '')} 443`,
      `${address} 8443`,
    ])
  })

  it.each(PUBLIC_URLS)('the URL %s passes', async (url) => {
    const guard = egressGuard({ lookup: answering('8.8.8.8', '2606:4700:4700::1111') })
    guard.check(url)
    await attempt(guard.agent, new URL(url).origin)
    await guard.close()
    const port = new URL(url).port || '443'
    expect(network.attempts).toEqual([`8.8.8.8 ${port}`, `2606:4700:4700::1111 ${port}`])
  })

  it('never over plain HTTP', async () => {
    for (const origin of ['http://8.8.8.8', 'http://receiver.example.com']) {
      const result = await connect({ lookup: answering('8.8.8.8') }, origin)
      expect(result).toMatchObject({ code: 'blocked_address' })
    }
    expect(network.attempts).toEqual([])
  })
})

describe('the allow list', () => {
  let network: FakeNetwork
  beforeEach(() => {
    network = fakeNetwork()
  })
  afterEach(() => {
    network.restore()
  })

  const tried = async (options: EgressGuardOptions, url: string): Promise<'refused' | 'blocked' | 'connected'> => {
    const guard = egressGuard(options)
    network.attempts.length = 0
    try {
      guard.check(url)
    } catch {
      await attempt(guard.agent, new URL(url).origin)
      await guard.close()
      return network.attempts.length === 0 ? 'refused' : 'connected'
    }
    const result = await attempt(guard.agent, new URL(url).origin)
    await guard.close()
    if (isHttpError(result)) expect(network.attempts).toEqual([])
    return isHttpError(result) ? 'blocked' : 'connected'
  }

  it.each([
    ['https://10.1.2.3/', 'connected'],
    ['https://10.1.2.3:8080/', 'connected'],
    ['https://10.2.0.1/', 'refused'],
    ['https://127.0.0.1/', 'refused'],
    ['https://[::ffff:10.1.2.3]/', 'refused'],
    ['http://10.1.2.3/', 'refused'],
  ])('opens a range over TLS, on any port: %s is %s', async (url, expected) => {
    expect(await tried({ allow: [{ cidr: '10.1.0.0/16' }], lookup: never }, url)).toBe(expected)
  })

  it.each([
    ['https://10.1.2.3/', 'connected'],
    ['https://10.1.2.3:8443/', 'connected'],
    ['https://10.1.2.3:8444/', 'refused'],
    ['https://8.8.8.8:8444/', 'connected'],
    ['https://ten.example.com:8443/', 'connected'],
    ['https://ten.example.com:8444/', 'blocked'],
  ])('opens the ports it names: %s is %s', async (url, expected) => {
    const allow = [{ cidr: '10.0.0.0/8', ports: [443, 8443] }]
    expect(await tried({ allow, lookup: answering('10.1.2.3') }, url)).toBe(expected)
  })

  it.each([
    ['http://127.0.0.1/', '127.0.0.1', 'connected'],
    ['http://10.0.0.1/', '10.0.0.1', 'refused'],
    ['http://8.8.8.8/', '8.8.8.8', 'refused'],
    ['https://10.0.0.1/', '10.0.0.1', 'connected'],
    ['http://name.example.com/', '127.0.0.1', 'connected'],
    ['http://name.example.com/', '10.0.0.1', 'blocked'],
    ['http://name.example.com/', '8.8.8.8', 'blocked'],
    ['https://name.example.com/', '8.8.8.8', 'connected'],
    ['http://localhost/', '127.0.0.1', 'refused'],
  ])('lets plain HTTP through to its own range: %s at %s is %s', async (url, address, expected) => {
    const allow = [{ cidr: '127.0.0.0/8', plainHttp: true }, { cidr: '10.0.0.0/8' }]
    const result = await tried({ allow, lookup: answering(address) }, url)
    // `localhost` is refused as a name; the dispatcher alone knows addresses only.
    if (new URL(url).hostname === 'localhost') expect(result).toBe('connected')
    else expect(result).toBe(expected)
  })

  it('lifts the rule on names for its hosts, and nothing else', async () => {
    const hosts = ['localhost', 'Receiver.Internal.']
    const options = (address: string) => ({ allow: [{ cidr: '127.0.0.0/8', hosts }], lookup: answering(address) })
    expect(await tried(options('127.0.0.1'), 'https://localhost/')).toBe('connected')
    expect(await tried(options('127.0.0.1'), 'https://LOCALHOST.:8443/')).toBe('connected')
    expect(await tried(options('127.0.0.1'), 'https://receiver.internal/')).toBe('connected')
    expect(await tried(options('10.0.0.1'), 'https://receiver.internal/')).toBe('blocked')
    expect(await tried(options('127.0.0.1'), 'http://127.0.0.1/')).toBe('refused')
    const guard = egressGuard(options('127.0.0.1'))
    for (const url of [
      'https://other.internal/',
      'https://sub.receiver.internal/',
      'http://localhost/',
      'https://u@localhost/',
    ])
      blockedUrl(() => guard.check(url))
  })

  it('compares IPv6 ranges as they are', async () => {
    const allow = [{ cidr: 'fd00:1::/32' }]
    expect(await tried({ allow, lookup: never }, 'https://[fd00:1::5]/')).toBe('connected')
    expect(await tried({ allow, lookup: never }, 'https://[fd00:2::5]/')).toBe('refused')
  })

  it.each([
    [[{ cidr: '10.0.0.0' }], 'egress.allow[0].cidr'],
    [[{ cidr: '10.0.0.0/33' }], 'egress.allow[0].cidr'],
    [[{ cidr: '10.0.0.0/-1' }], 'egress.allow[0].cidr'],
    [[{ cidr: 'fd00::/129' }], 'egress.allow[0].cidr'],
    [[{ cidr: '0x7f.1/8' }], 'egress.allow[0].cidr'],
    [[{ cidr: 'example.com' }], 'egress.allow[0].cidr'],
    [[{ cidr: '10.0.0.0/8' }, {}], 'egress.allow[1].cidr'],
    [[null], 'egress.allow[0]'],
    [['10.0.0.0/8'], 'egress.allow[0]'],
    [{ cidr: '10.0.0.0/8' }, 'egress.allow'],
    [[{ cidr: '10.0.0.0/8', ports: [0] }], 'egress.allow[0].ports'],
    [[{ cidr: '10.0.0.0/8', ports: ['443'] }], 'egress.allow[0].ports'],
    [[{ cidr: '10.0.0.0/8', ports: 443 }], 'egress.allow[0].ports'],
    [[{ cidr: '10.0.0.0/8', hosts: ['https://a.internal'] }], 'egress.allow[0].hosts'],
    [[{ cidr: '10.0.0.0/8', hosts: ['a.internal:80'] }], 'egress.allow[0].hosts'],
    [[{ cidr: '10.0.0.0/8', hosts: 'localhost' }], 'egress.allow[0].hosts'],
    [[{ cidr: '10.0.0.0/8', plainHttp: 'yes' }], 'egress.allow[0].plainHttp'],
  ])('refuses %j', (allow, field) => {
    for (const make of [egressGuard, undiciHttp, fetchHttp]) {
      expect(() => make({ allow } as EgressGuardOptions)).toThrow(
        expect.objectContaining({ code: 'invalid_input', field }),
      )
    }
  })

  it.each([
    ['connections', 0],
    ['connections', 1.5],
    ['maxLookups', -1],
    ['lookupTimeoutMs', Number.NaN],
    ['connectTimeoutMs', Number.POSITIVE_INFINITY],
    ['lookup', 'dns'],
    ['userAgent', 'a\r\nb'],
  ])('refuses %s: %s', (field, value) => {
    expect(() => undiciHttp({ [field]: value })).toThrow(expect.objectContaining({ code: 'invalid_input', field }))
  })
})

describe('on a real network, loopback', () => {
  let server: RawServer
  beforeEach(async () => {
    server = await rawServer({
      onRequest: (socket) =>
        socket.write('HTTP/1.1 302 Found\r\nlocation: http://127.0.0.2/\r\ncontent-length: 0\r\n\r\n'),
    })
  })
  afterEach(() => server.close())

  it('not a byte reaches a blocked address, by number or by name', async () => {
    const lookup = answering('127.0.0.1')
    for (const origin of [
      'http://127.0.0.1',
      'https://127.0.0.1',
      'http://name.example.com',
      'https://name.example.com',
      'https://localhost',
    ]) {
      expect(await connect({ lookup }, `${origin}:${server.port}`)).toMatchObject({ code: 'blocked_address' })
      for (const [, make] of ports) {
        const result = await request(make, { lookup }, `${origin}:${server.port}/`)
        expect(result).toMatchObject({ name: 'HttpError', written: false })
      }
    }
    // In a range that is open, on another port.
    const allow = [{ cidr: '127.0.0.0/8', ports: [1], plainHttp: true }]
    expect(await connect({ lookup, allow }, `http://127.0.0.1:${server.port}`)).toMatchObject({
      code: 'blocked_address',
    })
    expect(await connect({ lookup, allow }, `http://name.example.com:${server.port}`)).toMatchObject({
      code: 'blocked_address',
    })
    expect([server.accepted, server.received]).toEqual([0, 0])
  })

  it('connects to the address that was checked, whatever a second lookup would say', async () => {
    const asked: string[] = []
    const lookup = async (name: string) => {
      asked.push(name)
      return answering(asked.length === 1 ? '127.0.0.1' : '10.0.0.1')()
    }
    const guard = egressGuard({ lookup, allow: [{ cidr: '127.0.0.1/32', plainHttp: true }] })
    expect(await attempt(guard.agent, `http://name.example.com:${server.port}`)).toBe('answered')
    await guard.close()
    expect(asked).toEqual(['name.example.com'])
    expect(server.accepted).toBe(1)
  })

  it('does not follow a redirect from a permitted server to a blocked one', async () => {
    const other = await rawServer({})
    const lookup = answering('127.0.0.1')
    for (const [, make] of ports) {
      const allow = [{ cidr: '127.0.0.1/32', plainHttp: true }]
      const result = await request(make, { lookup, allow }, `http://name.example.com:${server.port}/`)
      expect(result).toMatchObject({ status: 302, headers: { location: 'http://127.0.0.2/' } })
    }
    expect(server.accepted).toBe(2)
    expect(other.accepted).toBe(0)
    await other.close()
  })

  it('pays no attention to proxies of the environment', async () => {
    const proxy = await rawServer({})
    const names = ['HTTP_PROXY', 'http_proxy', 'HTTPS_PROXY', 'ALL_PROXY', 'NODE_USE_ENV_PROXY']
    const kept = names.map((name) => [name, process.env[name]] as const)
    for (const name of names) process.env[name] = name.startsWith('NODE') ? '1' : `http://127.0.0.1:${proxy.port}`
    try {
      for (const [, make] of ports) {
        const allow = [{ cidr: '127.0.0.1/32', plainHttp: true }]
        expect(await request(make, { allow }, `http://127.0.0.1:${server.port}/`)).toMatchObject({ status: 302 })
      }
      expect(proxy.accepted).toBe(0)
    } finally {
      for (const [name, value] of kept) {
        if (value === undefined) delete process.env[name]
        else process.env[name] = value
      }
      await proxy.close()
    }
  })
})

function blockedUrl(fn: () => void): string {
  try {
    fn()
  } catch (error) {
    if (!isSignalboxError(error, 'blocked_url')) throw error
    return error.message
  }
  throw new Error('was not blocked')
}
