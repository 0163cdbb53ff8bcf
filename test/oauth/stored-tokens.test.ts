import { beforeEach, describe, expect, it } from 'vitest'
import type { Connection } from '../../src/contracts/connection.ts'
import type { CredentialSource, TokenResult } from '../../src/contracts/tokens.ts'
import { storedTokens } from '../../src/oauth/stored-tokens.ts'
import { DAY, HOUR, LIFE, ORG, scriptedProvider, type World, world } from './world.ts'

const MINUTE = 60_000
const REVOKED = { kind: 'reauthorize', code: 'token_revoked', providerCode: 'invalid_refresh_token' }

let w: World
let tokens: CredentialSource
let connection: Connection

beforeEach(async () => {
  w = world()
  tokens = w.process()
  connection = await w.connection('con_1')
  await tokens.save(connection, w.provider.grant())
})

const get = (source = tokens, rejectedToken?: string, signal = w.signal): Promise<TokenResult> =>
  source.get(connection, { signal, ...(rejectedToken === undefined ? {} : { rejectedToken }) })
const token = (n: number) => expect.objectContaining({ ok: true, token: `at-${n}` })
const failure = (outcome: object) => ({ ok: false, outcome: expect.objectContaining(outcome) })

/** What a process leaves behind that dies while the provider is asked: the answer never gets written. */
async function dieWhileRefreshing(): Promise<void> {
  const doomed = w.process()
  w.provider.hold()
  void get(doomed, 'at-1')
  await w.clock.advance(0)
  expect(w.provider.asked).toEqual(['rt-1'])
  // others are answered
  w.provider.hold()()
}

describe('storedTokens', () => {
  it.each([
    ['no providers', { providers: [] }, 'providers'],
    ['no provider', { providers: [{} as never] }, 'providers[0]'],
    ['a name with a colon', { providers: [scriptedProvider({ now: () => 0 }, { name: 'a:b' })] }, 'providers[0].name'],
    ['a negative time', { providers: [scriptedProvider({ now: () => 0 })], refreshBeforeMs: -1 }, 'refreshBeforeMs'],
    ['too short an idle time', { providers: [scriptedProvider({ now: () => 0 })], idleRefreshMs: 1 }, 'idleRefreshMs'],
    ['an unknown option', { providers: [scriptedProvider({ now: () => 0 })], refresh: 1 }, 'refresh'],
  ])('refuses %s, naming the option', (_, options, field) => {
    expect(() => storedTokens(options)).toThrow(expect.objectContaining({ code: 'invalid_input', field }))
  })

  it('refuses two providers of one name', () => {
    const provider = scriptedProvider({ now: () => 0 })
    expect(() => storedTokens({ providers: [provider, provider] })).toThrow(/taken/)
  })
})

describe('a token', () => {
  it('is the granted one while it is fresh, with its end', async () => {
    expect(await get()).toEqual({ ok: true, token: 'at-1', expiresAt: w.clock.now() + LIFE })
    expect(w.provider.asked).toEqual([])
  })

  it('is what another process saved, at once', async () => {
    await w.process().save(connection, w.provider.grant())
    expect(await get()).toEqual(token(2))
  })

  it('is refreshed five minutes before its end, and not before', async () => {
    w.clock.set(w.clock.now() + LIFE - 5 * MINUTE - 1)
    expect(await get()).toEqual(token(1))
    w.clock.set(w.clock.now() + 1)
    expect(await get()).toEqual(token(2))
    expect(await get()).toEqual(token(2))
    expect(w.provider.asked).toEqual(['rt-1'])
  })

  it('is refreshed in the second half of its life where it lives for less', async () => {
    const { clock, signal } = w
    const short = scriptedProvider(clock, { name: 'short', lifeMs: MINUTE })
    const source = w.process({ providers: [short] })
    const own = await w.connection('con_2', { credentialId: 'short:T1' })
    await source.save(own, short.grant())
    expect(await source.get(own, { signal })).toEqual(token(1))
    clock.set(clock.now() + 30_000)
    expect(await source.get(own, { signal })).toEqual(token(2))
    expect(await source.get(own, { signal })).toEqual(token(2))
  })

  it('without an end is used until it is rejected, and then refreshed', async () => {
    const { expiresAt: _, ...endless } = w.provider.grant()
    await tokens.save(connection, endless)
    w.clock.set(w.clock.now() + 400 * DAY)
    expect(await get()).toEqual(token(2))
    expect(await get(tokens, 'at-2')).toEqual(token(3))
  })

  it('keeps its refresh token and scopes where the provider gives no new ones', async () => {
    w.provider.answerOnce({ ok: true, accessToken: 'at-x' })
    expect(await get(tokens, 'at-1')).toMatchObject({ ok: true, token: 'at-x' })
    expect(await get(tokens, 'at-x')).toEqual(token(2))
    expect(w.provider.asked).toEqual(['rt-1', 'rt-1'])
  })

  it('that ended without a refresh token asks to connect again', async () => {
    const { refreshToken: _, ...once } = w.provider.grant()
    await tokens.save(connection, once)
    expect(await get()).toEqual(token(2))
    expect(await get(tokens, 'at-2')).toEqual(failure({ kind: 'reauthorize', code: 'token_expired' }))
    w.clock.set(w.clock.now() + LIFE)
    expect(await get()).toEqual(failure({ kind: 'reauthorize', code: 'token_expired' }))
    expect(w.provider.asked).toEqual([])
  })

  it.each([
    ['without a credential', { credentialId: undefined as never }],
    ['with a credential that is not there', { credentialId: 'slack:T2' }],
    ['with an id that is none', { credentialId: 'nonsense' }],
    ['of another organisation', { orgId: 'org_2' }],
  ])('of a connection %s is missing', async (_, fields) => {
    const { signal } = w
    const result = await tokens.get({ ...connection, ...fields }, { signal })
    expect(result).toEqual(failure({ kind: 'reauthorize', code: 'token_missing' }))
  })

  it('that the store cannot give is asked for again later, not marked as lost', async () => {
    const blind = w.process({ encryption: false })
    expect(await get(blind)).toEqual(failure({ kind: 'retry', code: 'secret_unreadable' }))
    expect(await get()).toEqual(token(1))
  })
})

describe('a rejected token', () => {
  it('is refreshed once, however many connections and processes come with it', async () => {
    const processes = Array.from({ length: 5 }, () => w.process())
    const answers = processes.flatMap((source) => Array.from({ length: 10 }, () => get(source, 'at-1')))
    await w.clock.advance(1000)
    expect(new Set((await Promise.all(answers)).map((one) => one.ok && one.token))).toEqual(new Set(['at-2']))
    expect(w.provider.asked).toEqual(['rt-1'])
  })

  it('that is not the current one any more is answered with the current one', async () => {
    expect(await get(tokens, 'at-1')).toEqual(token(2))
    expect(await get(tokens, 'at-1')).toEqual(token(2))
    expect(await get(w.process(), 'at-0')).toEqual(token(2))
    expect(w.provider.asked).toEqual(['rt-1'])
  })

  it('that the provider gives again asks to connect again, rather than for ever', async () => {
    w.provider.answerOnce({ ok: true, accessToken: 'at-1', refreshToken: 'rt-1' })
    expect(await get(tokens, 'at-1')).toEqual(failure({ kind: 'reauthorize', code: 'token_expired' }))
    expect(w.provider.asked).toEqual(['rt-1'])
  })

  it('waits for the refresh of another process, a while', async () => {
    const answer = w.provider.hold()
    const first = get(w.process(), 'at-1')
    await w.clock.advance(0)
    const second = get(tokens, 'at-1')
    await w.clock.advance(5000)
    answer()
    await w.clock.advance(1000)
    expect([await first, await second]).toEqual([token(2), token(2)])
    expect(w.provider.asked).toEqual(['rt-1'])
  })

  it('is answered with a retry where that takes too long, and says when', async () => {
    await dieWhileRefreshing()
    const waiting = get(tokens, 'at-1')
    await w.clock.advance(12_500)
    const result = await waiting
    expect(result).toEqual(failure({ kind: 'retry', code: 'timeout' }))
    expect(result).toMatchObject({ outcome: { retryAfterMs: expect.any(Number) } })
    expect(w.provider.asked).toHaveLength(1)
  })

  it('stops waiting when the worker shuts down, with its reason, and the refresh is finished all the same', async () => {
    const answer = w.provider.hold()
    const abort = new AbortController()
    const waiting = get(tokens, 'at-1', abort.signal)
    await w.clock.advance(0)
    const idle = tokens.idle()
    abort.abort(new Error('closing'))
    await expect(waiting).rejects.toThrow('closing')
    answer()
    await idle
    expect(await get(w.process())).toEqual(token(2))
  })
})

describe('near its end', () => {
  beforeEach(() => w.clock.set(w.clock.now() + LIFE - MINUTE))

  it('the old token is used while someone else refreshes it', async () => {
    const answer = w.provider.hold()
    const other = w.process()
    const first = get(other)
    await w.clock.advance(0)
    expect(await get()).toEqual(token(1))
    expect(await get(other)).toEqual(token(1))
    answer()
    expect(await first).toEqual(token(2))
    expect(await get()).toEqual(token(2))
    expect(w.provider.asked).toEqual(['rt-1'])
  })

  it('of many calls at once in one process only the first waits', async () => {
    const answer = w.provider.hold()
    const [first, ...others] = [get(), get(), get()]
    expect(await Promise.all(others)).toEqual([token(1), token(1)])
    answer()
    expect(await first).toEqual(token(2))
  })

  it('the old token is used while the provider is down', async () => {
    w.provider.answerOnce({ ok: false, outcome: { kind: 'retry', code: 'http_5xx', status: 503 } })
    expect(await get()).toEqual(token(1))
    expect(await get()).toEqual(token(1))
    expect(w.provider.asked).toHaveLength(1)
  })
})

describe('a refresh that fails for now', () => {
  const down = {
    kind: 'retry',
    code: 'http_5xx',
    status: 503,
    ambiguous: true,
    snippet: 'Service unavailable',
  } as const

  it('is no reason to suspend, is remembered for all processes, and says when to come back', async () => {
    w.provider.answerOnce({ ok: false, outcome: down })
    expect(await get(tokens, 'at-1')).toEqual({
      ok: false,
      outcome: { kind: 'retry', code: 'http_5xx', status: 503, retryAfterMs: 5000 },
    })
    w.clock.set(w.clock.now() + 2000)
    for (let n = 0; n < 100; n++) {
      expect(await get(w.process(), 'at-1')).toEqual(failure({ kind: 'retry', code: 'http_5xx', retryAfterMs: 3000 }))
    }
    expect(w.provider.asked).toHaveLength(1)
    w.clock.set(w.clock.now() + 3000)
    expect(await get(tokens, 'at-1')).toEqual(token(2))
  })

  it('backs off longer each time, up to five minutes, and begins anew after a success', async () => {
    const waits: unknown[] = []
    const fail = async (rejected: string): Promise<void> => {
      w.provider.answerOnce({ ok: false, outcome: { kind: 'retry', code: 'connection_refused' } })
      const result = await get(tokens, rejected)
      if (result.ok || result.outcome.kind !== 'retry') throw new Error('not a retry')
      waits.push(result.outcome.retryAfterMs)
      w.clock.set(w.clock.now() + (result.outcome.retryAfterMs ?? 0))
    }
    for (let n = 0; n < 8; n++) await fail('at-1')
    expect(waits).toEqual([5000, 10_000, 20_000, 40_000, 80_000, 160_000, 300_000, 300_000])
    expect(await get(tokens, 'at-1')).toEqual(token(2))
    waits.length = 0
    await fail('at-2')
    expect(waits).toEqual([5000])
  })

  it.each([
    [120_000, 120_000],
    [1000, 5000],
    [9 * HOUR, HOUR],
  ])('minds a Retry-After of %i ms', async (retryAfterMs, expected) => {
    w.provider.answerOnce({ ok: false, outcome: { kind: 'retry', code: 'rate_limited', retryAfterMs } })
    expect(await get(tokens, 'at-1')).toEqual(failure({ retryAfterMs: expected }))
  })

  it('is what a provider that throws, or answers nonsense, comes to', async () => {
    w.provider.answerOnce(new Error('could not use rt-1'))
    expect(await get(tokens, 'at-1')).toEqual(failure({ kind: 'retry', code: 'provider_error' }))
    w.clock.set(w.clock.now() + 5000)
    w.provider.answerOnce({ ok: true, accessToken: '' })
    expect(await get(tokens, 'at-1')).toEqual(failure({ kind: 'retry', code: 'provider_error' }))
    expect(w.log.join()).not.toContain('rt-1')
  })

  it('is what a process without the provider answers, and leaves to the others', async () => {
    const other = w.process({ providers: [scriptedProvider(w.clock, { name: 'microsoft' })] })
    expect(await get(other)).toEqual(token(1))
    expect(await get(other, 'at-1')).toEqual(failure({ kind: 'retry', code: 'provider_error' }))
    expect(await get(tokens, 'at-1')).toEqual(token(2))
  })
})

describe('a refresh token that the provider refuses', () => {
  beforeEach(() => w.provider.grant())

  it('makes the credential dead for all connections and processes, without asking again', async () => {
    expect(await get(tokens, 'at-1')).toEqual(failure(REVOKED))
    for (let n = 0; n < 100; n++) expect(await get(w.process())).toEqual(failure(REVOKED))
    expect(await get(tokens, 'at-1')).toEqual(failure(REVOKED))
    expect(w.provider.asked).toEqual(['rt-1'])
  })

  it('is told without the token', async () => {
    const result = await get(tokens, 'at-1')
    expect(result).toMatchObject({ outcome: { detail: 'the token [redacted] was refused' } })
    expect(JSON.stringify([result, w.log])).not.toMatch(/[ar]t-\d/)
    expect(w.log.join()).toContain('connect again')
  })

  it('is forgotten by the next grant of the same workspace', async () => {
    await get(tokens, 'at-1')
    await w.process().save({ orgId: ORG, id: 'con_2' }, w.provider.grant())
    expect(await get()).toEqual(token(3))
  })
})

describe('a process that dies between the answer of the provider and its writing', () => {
  it('costs the grant, with one more question and never a loop', async () => {
    await dieWhileRefreshing()
    w.clock.set(w.clock.now() + 30_000)
    const result = await get(tokens, 'at-1')
    expect(result).toEqual(failure({ ...REVOKED, detail: expect.stringContaining('interrupted') }))
    for (let n = 0; n < 20; n++) {
      w.clock.set(w.clock.now() + HOUR)
      expect(await get(w.process())).toEqual(failure(REVOKED))
    }
    expect(w.provider.asked).toEqual(['rt-1', 'rt-1'])
  })

  it('costs nothing where the refresh token still works', async () => {
    w.provider.answerOnce({ ok: true, accessToken: 'never arrives' })
    await dieWhileRefreshing()
    w.clock.set(w.clock.now() + 30_000)
    expect(await get(tokens, 'at-1')).toEqual(token(2))
  })

  it('does not stop the old token from being used while it lasts', async () => {
    w.clock.set(w.clock.now() + LIFE - 4 * MINUTE)
    await dieWhileRefreshing()
    expect(await get()).toEqual(token(1))
  })
})

describe('an answer that gets lost on its way', () => {
  it('ends in connecting again, after one more question', async () => {
    w.provider.loseAnswerOnce()
    expect(await get(tokens, 'at-1')).toEqual(failure({ kind: 'retry', code: 'timeout' }))
    w.clock.set(w.clock.now() + 5000)
    expect(await get(tokens, 'at-1')).toEqual(failure({ ...REVOKED, detail: expect.stringContaining('interrupted') }))
    expect(await get(tokens, 'at-1')).toEqual(failure(REVOKED))
    expect(w.provider.asked).toEqual(['rt-1', 'rt-1'])
  })

  it('is never called ambiguous: no message was sent', async () => {
    w.provider.loseAnswerOnce()
    expect(await get(tokens, 'at-1')).not.toHaveProperty('outcome.ambiguous')
  })
})

describe('new tokens that cannot be written', () => {
  it('are written a few tries later', async () => {
    const faults = { failing: 0 }
    const source = w.process({ faults })
    const answer = w.provider.hold()
    const waiting = get(source, 'at-1')
    await w.clock.advance(0)
    faults.failing = 3
    answer()
    await w.clock.advance(5000)
    expect(await waiting).toEqual(token(2))
    expect(await get()).toEqual(token(2))
    expect(w.provider.asked).toEqual(['rt-1'])
  })

  it('are kept by the process, which goes on with them and writes them when it can', async () => {
    const faults = { failing: 0 }
    const source = w.process({ faults })
    const answer = w.provider.hold()
    const waiting = get(source, 'at-1')
    await w.clock.advance(0)
    faults.failing = Number.POSITIVE_INFINITY
    answer()
    await w.clock.advance(10_000)
    expect(await waiting).toEqual(token(2))
    expect(await get(source)).toEqual(token(2))
    expect(w.log.join()).toContain('could not be stored')
    expect(w.log.join()).not.toMatch(/[ar]t-\d/)
    faults.failing = 0
    expect(await get(source)).toEqual(token(2))
    expect(await get()).toEqual(token(2))
    expect(w.provider.asked).toEqual(['rt-1'])
  })

  it('bring a credential back to life that was given up meanwhile', async () => {
    const faults = { failing: 0 }
    const source = w.process({ faults })
    const answer = w.provider.hold()
    const waiting = get(source, 'at-1')
    await w.clock.advance(0)
    faults.failing = Number.POSITIVE_INFINITY
    answer()
    await w.clock.advance(30_000)
    await waiting
    expect(await get(tokens, 'at-1')).toEqual(failure(REVOKED))
    faults.failing = 0
    expect(await get(source)).toEqual(token(2))
    expect(await get()).toEqual(token(2))
  })

  it('are written at the latest when the dispatcher closes', async () => {
    const faults = { failing: 0 }
    const source = w.process({ faults })
    const answer = w.provider.hold()
    const waiting = get(source, 'at-1')
    await w.clock.advance(0)
    faults.failing = 5
    answer()
    await w.clock.advance(10_000)
    await waiting
    await source.idle()
    expect(await get()).toEqual(token(2))
  })
})

describe('a process that was asleep for longer than its lease', () => {
  it('brings the tokens that it got, although it was given up', async () => {
    const answer = w.provider.hold()
    const sleeper = get(w.process(), 'at-1')
    await w.clock.advance(0)
    w.clock.set(w.clock.now() + 31_000)
    const second = get(tokens, 'at-1')
    await w.clock.advance(0)
    answer()
    const [late] = await Promise.all([sleeper, second])
    expect(late).toEqual(token(2))
    expect(await get()).toEqual(token(2))
    expect(await get(w.process())).toEqual(token(2))
  })

  it('does not replace the tokens of a grant that came meanwhile', async () => {
    const answer = w.provider.hold()
    const sleeper = get(w.process(), 'at-1')
    await w.clock.advance(0)
    await tokens.save(connection, w.provider.grant())
    answer()
    expect(await sleeper).toEqual(token(3))
    expect(await get()).toEqual(token(3))
  })
})
