import { inspect } from 'node:util'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Store } from '../../src/contracts/index.ts'
import { generateEncryptionKey } from '../../src/encryption/aes-gcm.ts'
import { SignalboxError } from '../../src/errors.ts'
import { type OAuthStatesOptions, oauthStates, pkceChallenge } from '../../src/oauth/index.ts'
import { memoryStore } from '../../src/stores/memory.ts'
import { fakeClock } from '../../src/testing/index.ts'
import { openStore, temporaryFile } from '../stores/sqlite/fixtures.ts'

const KEY = new Uint8Array(32).fill(7)
const NOW = 1_780_000_000_000
const MINUTES = 60_000

const invalid = (field: string, words: string) =>
  expect.objectContaining({
    name: 'SignalboxError',
    code: 'invalid_input',
    field,
    message: expect.stringContaining(words),
  })

async function setUp(options: Partial<OAuthStatesOptions> = {}) {
  const store = memoryStore()
  await store.setup()
  const clock = fakeClock({ now: NOW })
  const states = oauthStates({ store, key: KEY, clock, ...options })
  return { store, clock, states, issued: states.issue({ orgId: 'org_1', provider: 'slack' }) }
}

describe('a flow of OAuth', () => {
  it('ends with what it began with', async () => {
    const { states } = await setUp()
    const data = { from: '/settings?a=1', by: { id: 7, name: 'Zoë ✓' }, __proto__x: null }
    const { state, nonce, codeChallenge } = states.issue({ orgId: 'org/é', provider: 'microsoft', data })
    expect(state).toMatch(/^[\w-]+\.[\w-]{43}$/)
    const ended = await states.consume({ state, nonce })
    expect(ended).toEqual({ orgId: 'org/é', provider: 'microsoft', data, codeVerifier: expect.any(String) })
    expect(pkceChallenge(ended.codeVerifier)).toBe(codeChallenge)
  })

  it('has no data where none was given', async () => {
    const { states, issued } = await setUp()
    expect((await states.consume(issued)).data).toEqual({})
  })

  it('differs from every other: state, nonce and challenge', async () => {
    const { states } = await setUp()
    const all = Array.from({ length: 50 }, () => states.issue({ orgId: 'o', provider: 'slack' }))
    for (const field of ['state', 'nonce', 'codeChallenge'] as const) {
      expect(new Set(all.map((one) => one[field])).size).toBe(50)
    }
  })

  it('shows neither nonce nor verifier in what goes through the browser’s address bar', async () => {
    const { states, issued } = await setUp()
    const { codeVerifier } = await states.consume(issued)
    const said = Buffer.from(issued.state.split('.')[0] ?? '', 'base64url').toString()
    expect(said).toContain('org_1')
    for (const secret of [issued.nonce, codeVerifier]) expect(said + issued.state).not.toContain(secret)
  })

  it('leaves in the store only that a state was used', async () => {
    const { states, issued, store } = await setUp()
    const entries = async () => (await store.keys.list('', { limit: 10, now: NOW })).items
    expect(await entries()).toEqual([])
    const { codeVerifier } = await states.consume(issued)
    const [entry, ...more] = await entries()
    expect(more).toEqual([])
    expect(entry?.key).toMatch(/^oauth-state:[\w-]{43}$/)
    for (const secret of [issued.nonce, codeVerifier]) expect(JSON.stringify(entry)).not.toContain(secret)
  })
})

describe('a state', () => {
  it('works once', async () => {
    const { states, issued } = await setUp()
    await states.consume(issued)
    await expect(states.consume(issued)).rejects.toEqual(invalid('state', 'used before'))
  })

  it('works once of many at the same time', async () => {
    const { states, issued } = await setUp()
    const results = await Promise.allSettled(Array.from({ length: 10 }, () => states.consume(issued)))
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
  })

  it('works once in all processes of one store, also in one whose clock is behind', async () => {
    const path = temporaryFile()
    const processes = await Promise.all(
      [0, -5 * MINUTES].map(async (offset) => {
        const store: Store = await openStore(path)
        const clock = fakeClock({ now: NOW + offset })
        return { store, clock, states: oauthStates({ store, key: KEY, clock }) }
      }),
    )
    const [first, second] = processes
    if (first === undefined || second === undefined) throw new Error('two were made')
    const issued = first.states.issue({ orgId: 'org_1', provider: 'slack' })
    expect(await second.states.consume(issued)).toMatchObject({ orgId: 'org_1' })
    await expect(first.states.consume(issued)).rejects.toEqual(invalid('state', 'used before'))

    const again = first.states.issue({ orgId: 'org_1', provider: 'slack' })
    await first.states.consume(again)
    // For the first its time has passed, and it clears up; for the second it has not.
    first.clock.set(NOW + 12 * MINUTES)
    second.clock.set(NOW + 8 * MINUTES)
    await first.store.deliveries.purge({ before: 0, eventsBefore: 0, now: first.clock.now(), limit: 1000 })
    await expect(second.states.consume(again)).rejects.toEqual(invalid('state', 'used before'))
  })

  it.each([
    [undefined, 10 * MINUTES],
    [1000, 1000],
  ])('lasts as long as it should, to the millisecond (ttlMs %s)', async (ttlMs, lasts) => {
    const { states, clock } = await setUp(ttlMs === undefined ? {} : { ttlMs })
    const [first, second] = [1, 2].map(() => states.issue({ orgId: 'o', provider: 'slack' }))
    if (first === undefined || second === undefined) throw new Error('two were made')
    clock.set(NOW + lasts - 1)
    expect(await states.consume(first)).toMatchObject({ orgId: 'o' })
    clock.set(NOW + lasts)
    await expect(states.consume(second)).rejects.toEqual(invalid('state', 'expired'))
    await expect(states.consume(first)).rejects.toEqual(invalid('state', 'expired'))
    clock.set(NOW + lasts + 1)
    await expect(states.consume(second)).rejects.toEqual(invalid('state', 'expired'))
  })

  it('is refused with any character changed, taken out or put in', async () => {
    const { states, issued } = await setUp()
    const { state, nonce } = issued
    const forged = invalid('state', 'not issued here')
    for (let i = 0; i < state.length; i++) {
      // A neighbour in the alphabet: the last character of base64 has bits that do not count.
      const other = String.fromCharCode(state.charCodeAt(i) ^ 1)
      for (const changed of [other, '', `${state[i]}A`]) {
        const text = state.slice(0, i) + changed + state.slice(i + 1)
        if (text !== state) await expect(states.consume({ state: text, nonce })).rejects.toEqual(forged)
      }
    }
    expect(await states.consume(issued)).toMatchObject({ orgId: 'org_1' })
  })

  it('is refused where it is anything else', async () => {
    const { states, issued } = await setUp()
    const [body = '', signature = ''] = issued.state.split('.')
    const texts = fc.oneof(
      fc.string({ unit: 'binary', minLength: 1 }),
      fc.string().map((text) => `${Buffer.from(text).toString('base64url')}.${signature}`),
      fc.string().map((text) => `${body}.${text}`),
      fc.string().map((text) => `${issued.state}.${text}`),
      fc.constantFrom('.', '..', `.${signature}`, `${body}.`, `${issued.state} `, `${issued.state}=`, 'x'.repeat(9000)),
    )
    await fc.assert(
      fc.asyncProperty(texts, async (state) => {
        await expect(states.consume({ state, nonce: issued.nonce })).rejects.toEqual(
          invalid('state', 'not issued here'),
        )
      }),
    )
    for (const state of [undefined, null, '']) {
      await expect(states.consume({ state, nonce: issued.nonce })).rejects.toEqual(invalid('state', 'is missing'))
    }
  })

  it('of another key is not one', async () => {
    const { states, issued } = await setUp()
    const other = await setUp({ key: new Uint8Array(32).fill(8) })
    await expect(other.states.consume(issued)).rejects.toEqual(invalid('state', 'not issued here'))
    await expect(states.consume(other.issued)).rejects.toEqual(invalid('state', 'not issued here'))
  })

  it('works only in the browser that began, which loses nothing by attempts of others', async () => {
    const { states, issued } = await setUp()
    const { state, nonce } = issued
    const other = states.issue({ orgId: 'org_2', provider: 'slack' })
    for (const foreign of [other.nonce, nonce.toUpperCase(), `${nonce}=`, nonce.slice(1), 'é'.repeat(43)]) {
      await expect(states.consume({ state, nonce: foreign })).rejects.toEqual(invalid('nonce', 'another browser'))
    }
    for (const missing of [undefined, null, '']) {
      await expect(states.consume({ state, nonce: missing })).rejects.toEqual(invalid('nonce', 'is missing'))
    }
    expect(await states.consume(issued)).toMatchObject({ orgId: 'org_1' })
    expect(await states.consume(other)).toMatchObject({ orgId: 'org_2' })
  })

  it('is not used up where the store fails, whose error comes through', async () => {
    const { store, issued } = await setUp()
    const failure = new SignalboxError('store_failed', 'disk full')
    const broken = oauthStates({
      store: { keys: { put: () => Promise.reject(failure) } },
      key: KEY,
      clock: fakeClock({ now: NOW }),
    })
    await expect(broken.consume(issued)).rejects.toBe(failure)
    const mended = oauthStates({ store, key: KEY, clock: fakeClock({ now: NOW }) })
    expect(await mended.consume(issued)).toMatchObject({ orgId: 'org_1' })
  })

  it('tells nothing of secrets where it is refused', async () => {
    const { states, issued } = await setUp()
    const other = states.issue({ orgId: 'org_2', provider: 'slack' })
    const { codeVerifier } = await states.consume(issued)
    const refusals = await Promise.all(
      [
        issued,
        { state: issued.state, nonce: other.nonce },
        { state: `${issued.state}x`, nonce: issued.nonce },
        { state: issued.state, nonce: undefined },
      ].map((answer) =>
        states.consume(answer).catch((error: unknown) => inspect(error, { depth: 9, showHidden: true })),
      ),
    )
    const secrets = [issued.nonce, other.nonce, issued.state, codeVerifier, Buffer.from(KEY).toString('base64')]
    for (const text of [...refusals, inspect(states, { depth: 9, showHidden: true })]) {
      expect(text).toEqual(expect.any(String))
      for (const secret of secrets) expect(text).not.toContain(secret)
    }
  })
})

describe('the cookie of a flow', () => {
  it('is kept from scripts, other hosts and plain HTTP, and comes back', async () => {
    const { states, issued } = await setUp()
    const cookie = states.cookie(issued.nonce)
    expect(cookie).toBe(`__Host-signalbox-oauth=${issued.nonce}; Path=/; Max-Age=600; HttpOnly; Secure; SameSite=Lax`)
    const [pair] = cookie.split(';')
    for (const header of [pair, `a=1; ${pair}`, `${pair}; b=${pair}`, `x__Host-signalbox-oauth=2;${pair}`]) {
      expect(states.nonceOf(header)).toBe(issued.nonce)
    }
    for (const header of [undefined, null, '', 'a=1', `x${pair}`, '__Host-signalbox-oauth']) {
      expect(states.nonceOf(header)).toBeUndefined()
    }
  })

  it('is made of nonces only', async () => {
    const { states } = await setUp()
    expect(() => states.cookie('a; Domain=evil.example.com')).toThrow(invalid('nonce', 'issued'))
  })
})

describe('options of oauthStates', () => {
  it('takes a key as bytes or as base64, and keeps a copy', async () => {
    const text = generateEncryptionKey()
    const bytes = Uint8Array.from(Buffer.from(text, 'base64'))
    const { store, issued, states } = await setUp({ key: bytes })
    bytes.fill(0)
    for (const key of [text, text.replace(/=+$/, ''), Buffer.from(text, 'base64').toString('base64url')]) {
      const other = oauthStates({ store, key, clock: fakeClock({ now: NOW }) })
      expect(await other.consume(states.issue({ orgId: 'o', provider: 'slack' }))).toMatchObject({ orgId: 'o' })
    }
    expect(await states.consume(issued)).toMatchObject({ orgId: 'org_1' })
  })

  it.each([
    ['key', ''],
    ['key', 'short'],
    ['key', new Uint8Array(31)],
    ['key', Buffer.alloc(31).toString('base64')],
    ['key', `${generateEncryptionKey()}!`],
    ['key', ` ${generateEncryptionKey()}`],
    ['key', undefined],
    ['ttlMs', 999],
    ['ttlMs', 86_400_001],
    ['ttlMs', Number.NaN],
    ['store', {}],
    ['keys', []],
  ])('refuses a bad %s (%#)', (field, value) => {
    const make = () => oauthStates({ store: memoryStore(), key: KEY, [field]: value })
    expect(make).toThrow(expect.objectContaining({ name: 'SignalboxError', code: 'invalid_input', field }))
  })

  it('does not repeat a bad key', () => {
    const key = 'canary-canary-canary'
    expect(() => oauthStates({ store: memoryStore(), key })).toThrow(
      expect.objectContaining({ field: 'key', message: expect.not.stringContaining(key) }),
    )
  })

  const cycle: Record<string, unknown> = {}
  cycle.self = cycle
  it.each([
    ['orgId', ''],
    ['orgId', 'x'.repeat(257)],
    ['orgId', '\ud800'],
    ['orgId', 7],
    ['provider', 'Slack'],
    ['provider', ''],
    ['data', []],
    ['data', 'text'],
    ['data', null],
    ['data', cycle],
    ['data', { a: 1n }],
    ['data', { a: 'é'.repeat(509) }],
    ['datum', {}],
  ])('refuses a flow with a bad %s (%#)', async (field, value) => {
    const { states } = await setUp()
    const begin = () => states.issue({ orgId: 'o', provider: 'slack', [field]: value })
    expect(begin).toThrow(expect.objectContaining({ name: 'SignalboxError', code: 'invalid_input', field }))
  })

  it('takes a flow as large as it may be', async () => {
    const { states } = await setUp()
    const input = { orgId: '\u{1f600}'.repeat(128), provider: `a${'-'.repeat(63)}`, data: { a: 'é'.repeat(508) } }
    expect(await states.consume(states.issue(input))).toMatchObject(input)
  })
})
