import { beforeEach, describe, expect, it } from 'vitest'
import type { Connection } from '../../src/contracts/connection.ts'
import type { CredentialSource } from '../../src/contracts/tokens.ts'
import { aes, DAY, HOUR, LIFE, ORG, scriptedProvider, type World, world } from './world.ts'

let w: World
let tokens: CredentialSource
let first: Connection

beforeEach(async () => {
  w = world()
  tokens = w.process()
  first = await w.connection('con_1')
  await tokens.save(first, w.provider.grant())
})

const get = (connection = first, source = tokens) => source.get(connection, { signal: w.signal })
const token = (n: number) => expect.objectContaining({ ok: true, token: `at-${n}` })
const missing = { ok: false, outcome: expect.objectContaining({ kind: 'reauthorize', code: 'token_missing' }) }
const upkeep = (source = tokens, ms = 60_000, signal = w.signal) => source.upkeep({ until: w.clock.now() + ms, signal })

async function remove({ orgId, id }: Connection): Promise<void> {
  await w.store.connections.delete({ orgId, id }, { now: w.clock.now() })
}

describe('a grant', () => {
  it('has a readable and stable id', async () => {
    const grant = w.provider.grant()
    expect(tokens.idOf(grant)).toBe('slack:T1')
    expect(await tokens.save(first, grant)).toBe('slack:T1')
  })

  it('is one credential of each organisation', async () => {
    const other = await w.connection('con_2', { orgId: 'org_2' })
    await tokens.save(other, w.provider.grant())
    expect([await get(), await get(other)]).toEqual([token(1), token(2)])
  })

  it('replaces the tokens of an earlier one of the same workspace, for all its connections', async () => {
    const second = await w.connection('con_2')
    await tokens.save(second, w.provider.grant())
    expect([await get(), await get(second)]).toEqual([token(2), token(2)])
  })

  it.each([
    ['of an unknown provider', { provider: 'hubspot' }, 'grant.provider'],
    ['without a workspace', { externalId: '' }, 'grant.externalId'],
    ['with a workspace of several words', { externalId: 'T1 T2' }, 'grant.externalId'],
    ['without a token', { accessToken: '' }, 'grant.accessToken'],
    ['with an empty refresh token', { refreshToken: '' }, 'grant.refreshToken'],
    ['with an end that is none', { expiresAt: Number.NaN }, 'grant.expiresAt'],
    ['with scopes as text', { scopes: 'chat:write' as never }, 'grant.scopes'],
    ['with an endless name', { accountName: 'x'.repeat(501) }, 'grant.accountName'],
  ])('%s is refused, and nothing is kept', async (_, fields, field) => {
    const before = await w.stored()
    const grant = w.provider.grant(fields)
    await expect(tokens.save(first, grant)).rejects.toMatchObject({ code: 'invalid_input', field })
    expect(() => tokens.idOf(grant)).toThrow(expect.objectContaining({ field }))
    expect(await w.stored()).toBe(before)
  })

  it('replaces one that no key opens any more', async () => {
    const rotated = w.process({ encryption: aes('k2') })
    expect(await get(first, rotated)).toMatchObject({ outcome: { code: 'secret_unreadable' } })
    await rotated.save(first, w.provider.grant())
    expect(await get(first, rotated)).toEqual(token(2))
  })
})

describe('what is stored', () => {
  it('is sealed as a whole', async () => {
    const stored = await w.stored()
    expect(stored).toContain('credential/org_1/slack/T1')
    expect(stored).not.toMatch(/[ar]t-1|Acme|chat:write|con_1/)
  })

  it('does not open in the place of another organisation or workspace', async () => {
    const { keys } = w.store
    const now = w.clock.now()
    const entry = await keys.get('credential/org_1/slack/T1', { now })
    for (const key of ['credential/org_2/slack/T1', 'credential/org_1/slack/T2']) {
      await keys.put(key, entry?.value ?? '', { now })
    }
    const unreadable = { ok: false, outcome: { kind: 'retry', code: 'secret_unreadable' } }
    expect(await get({ ...first, orgId: 'org_2' })).toMatchObject(unreadable)
    expect(await get({ ...first, credentialId: 'slack:T2' })).toMatchObject(unreadable)
  })

  it('is readable, and marked so, without encryption, and can be sealed later', async () => {
    const plain = w.process({ encryption: false })
    const second = await w.connection('con_2', { credentialId: 'slack:T2' })
    await plain.save(second, w.provider.grant({ externalId: 'T2' }))
    expect(await w.stored()).toContain('plain:')
    expect(await get(second)).toEqual(token(2))
    expect(await tokens.rekey({ limit: 10 })).toEqual({ rekeyed: 1, remaining: 0, unreadable: 0 })
    expect(await w.stored()).not.toContain('plain:')
    expect(await get(second)).toEqual(token(2))
  })

  it('keeps organisations apart whose names look alike', async () => {
    const odd = await w.connection('con_2', { orgId: 'org_1/slack' })
    await tokens.save(odd, w.provider.grant())
    await tokens.releaseAll(ORG)
    expect(await get()).toEqual(missing)
    expect(await get(odd)).toEqual(token(2))
  })
})

describe('hold', () => {
  it('makes another connection use it', async () => {
    const second = await w.connection('con_2')
    await tokens.hold(second, 'slack:T1', 'slack')
    await remove(first)
    await tokens.release(first, 'slack:T1')
    expect(await get(second)).toEqual(token(1))
  })

  it.each([
    ['that is not there', ORG, 'slack:T2', 'not_found'],
    ['of another organisation', 'org_2', 'slack:T1', 'not_found'],
    ['with an id that is none', ORG, 'T1', 'not_found'],
    ['of another provider', ORG, 'microsoft:T1', 'invalid_input'],
  ])('of one %s is refused', async (_, orgId, credentialId, code) => {
    const held = tokens.hold({ orgId, id: 'con_2' }, credentialId, 'slack')
    await expect(held).rejects.toMatchObject({ code, field: 'credentialId' })
  })
})

describe('hold during a refresh', () => {
  it('is kept beside the new tokens', async () => {
    const answer = w.provider.hold()
    const waiting = tokens.get(first, { rejectedToken: 'at-1', signal: w.signal })
    await w.clock.advance(0)
    const coming = { ...first, id: 'con_2' }
    await w.process().hold(coming, 'slack:T1', 'slack')
    answer()
    expect(await waiting).toEqual(token(2))
    await remove(first)
    await tokens.release(first, 'slack:T1')
    expect(await get(coming)).toEqual(token(2))
  })
})

describe('release', () => {
  it('of one of two leaves it to the other', async () => {
    const second = await w.connection('con_2')
    await tokens.hold(second, 'slack:T1', 'slack')
    await remove(first)
    await tokens.release(first, 'slack:T1')
    expect(await get(second)).toEqual(token(1))
    expect(w.provider.revoked).toEqual([])
  })

  it('of the last one erases it, and then revokes it, once', async () => {
    await remove(first)
    let storedAtRevoke = ''
    const { revoke } = w.provider
    w.provider.revoke = async (granted, options) => {
      storedAtRevoke = await w.stored()
      return revoke?.(granted, options) ?? false
    }
    await Promise.all([tokens.release(first, 'slack:T1'), w.process().release(first, 'slack:T1')])
    expect(storedAtRevoke).not.toContain('credential/')
    expect(w.provider.revoked).toEqual(['at-1'])
    expect(await get()).toEqual(missing)
  })

  it('revokes what was granted or refreshed last', async () => {
    await tokens.get(first, { rejectedToken: 'at-1', signal: w.signal })
    await remove(first)
    await tokens.release(first, 'slack:T1')
    expect(w.provider.revoked).toEqual(['at-2'])
  })

  it('with keep leaves it to those who come back within the hour', async () => {
    await remove(first)
    await tokens.release(first, 'slack:T1', { keep: true })
    expect(w.provider.revoked).toEqual([])
    await tokens.hold({ orgId: ORG, id: 'con_2' }, 'slack:T1', 'slack')
  })

  it('never takes it from a connection that uses it, whatever the list of holders says', async () => {
    const second = await w.connection('con_2')
    await remove(first)
    await tokens.release(first, 'slack:T1')
    expect(await get(second)).toEqual(token(1))
    await remove(second)
    await tokens.release(second, 'slack:T1')
    expect(w.provider.revoked).toEqual(['at-1'])
  })

  it('does not revoke what another organisation has of the same workspace, but the last one does', async () => {
    const other = await w.connection('con_2', { orgId: 'org_2' })
    await tokens.save(other, w.provider.grant({ accessToken: 'at-1' }))
    await remove(first)
    await tokens.release(first, 'slack:T1')
    expect(w.provider.revoked).toEqual([])
    await remove(other)
    await tokens.release(other, 'slack:T1')
    expect(w.provider.revoked).toEqual(['at-1'])
  })

  it.each([
    ['refuses', async () => false],
    ['throws', async () => Promise.reject(new Error('at-1 is unknown'))],
  ])('is done although the provider %s, and that is logged without the token', async (_, revoke) => {
    w.provider.revoke = revoke
    await remove(first)
    await tokens.release(first, 'slack:T1')
    expect(await get()).toEqual(missing)
    expect(w.log.join()).toContain('slack:T1')
    expect(w.log.join()).not.toContain('at-1')
  })

  it('works with a provider that has no way to revoke', async () => {
    const { revoke: _, ...plain } = scriptedProvider(w.clock, { name: 'microsoft' })
    const source = w.process({ providers: [plain] })
    const own = await w.connection('con_2', { credentialId: 'microsoft:T1' })
    await source.save(own, plain.grant())
    await remove(own)
    await source.release(own, 'microsoft:T1')
    expect(await get(own, source)).toEqual(missing)
  })

  it('of one that cannot be opened is logged, not thrown', async () => {
    await remove(first)
    await w.process({ encryption: aes('k2') }).release(first, 'slack:T1')
    expect(w.log.join()).toContain('could not be released')
  })

  it('during a refresh revokes the new tokens as well: nobody will use them', async () => {
    const answer = w.provider.hold()
    const waiting = tokens.get(first, { rejectedToken: 'at-1', signal: w.signal })
    await w.clock.advance(0)
    await remove(first)
    await tokens.release(first, 'slack:T1')
    answer()
    expect(await waiting).toEqual(missing)
    expect(w.provider.revoked).toEqual(['at-1', 'at-2'])
    expect(await w.stored()).not.toContain('credential/')
  })
})

describe('races over one entry', () => {
  it('save, hold, release and refresh at once lose nothing', async () => {
    for (let round = 0; round < 20; round++) {
      const ids = Array.from({ length: 8 }, (_, n) => `con_${round}_${n}`)
      const kept = await Promise.all(ids.map((id) => w.connection(id)))
      const sources = ids.map(() => w.process())
      await Promise.all([
        ...kept.map((one, n) => sources[n]?.hold(one, 'slack:T1', 'slack')),
        tokens.get(first, { rejectedToken: `at-${round + 1}`, signal: w.signal }),
        tokens.release({ orgId: ORG, id: `gone_${round}` }, 'slack:T1'),
      ])
      const [stays, ...go] = kept
      if (stays === undefined) throw new Error('nobody stays')
      await Promise.all(go.map(remove))
      await Promise.all(go.map((one, n) => sources[n]?.release(one, 'slack:T1')))
      expect(await get(stays)).toEqual(token(round + 2))
    }
    expect(w.provider.asked).toHaveLength(20)
    expect(w.provider.revoked).toEqual([])
  })

  it('of a last release and a hold one comes first: used or refused, never half', async () => {
    for (let round = 0; round < 20; round++) {
      const ref = { orgId: `org_r${round}` }
      const leaving = await w.connection(`leaving_${round}`, ref)
      await tokens.save(leaving, w.provider.grant())
      await remove(leaving)
      const coming = { ...leaving, id: `coming_${round}` }
      const [, held] = await Promise.allSettled([
        tokens.release(leaving, 'slack:T1'),
        w.process().hold(coming, 'slack:T1', 'slack'),
      ])
      expect((await get(coming)).ok).toBe(held.status === 'fulfilled')
    }
  })
})

describe('releaseAll', () => {
  it('erases and revokes everything of one organisation', async () => {
    const second = await w.connection('con_2', { credentialId: 'slack:T2' })
    await tokens.save(second, w.provider.grant({ externalId: 'T2' }))
    const other = await w.connection('con_3', { orgId: 'org_2', credentialId: 'slack:T3' })
    await tokens.save(other, w.provider.grant({ externalId: 'T3' }))
    await tokens.releaseAll(ORG)
    expect([await get(), await get(second), await get(other)]).toEqual([missing, missing, token(3)])
    expect(w.provider.revoked).toEqual(['at-1', 'at-2'])
  })

  it('erases what no key opens too', async () => {
    await w.process({ encryption: aes('k2') }).releaseAll(ORG)
    expect(await w.stored()).not.toContain('credential/')
  })
})

describe('upkeep', () => {
  it('refreshes what was idle for thirty days, and nothing before', async () => {
    w.clock.set(w.clock.now() + 30 * DAY - 1)
    await upkeep()
    expect(w.provider.asked).toEqual([])
    w.clock.set(w.clock.now() + HOUR)
    await upkeep()
    expect(w.provider.asked).toEqual(['rt-1'])
    expect(await get()).toEqual(token(2))
  })

  it('counts a refresh for use as well', async () => {
    w.clock.set(w.clock.now() + 29 * DAY)
    await get()
    w.clock.set(w.clock.now() + 2 * DAY)
    await upkeep()
    expect(w.provider.asked).toEqual(['rt-1'])
  })

  it('minds idleRefreshMs', async () => {
    const source = w.process({ idleRefreshMs: DAY })
    w.clock.set(w.clock.now() + DAY)
    await upkeep(source)
    expect(w.provider.asked).toEqual(['rt-1'])
  })

  it('runs once an hour over all processes', async () => {
    w.clock.set(w.clock.now() + 40 * DAY)
    await Promise.all([upkeep(), upkeep(w.process()), upkeep(w.process())])
    await upkeep(w.process())
    expect(w.provider.asked).toEqual(['rt-1'])
    const second = await w.connection('con_2', { credentialId: 'slack:T2' })
    await tokens.save(second, w.provider.grant({ externalId: 'T2' }))
    w.clock.set(w.clock.now() + 31 * DAY)
    await upkeep(w.process())
    expect(w.provider.asked.slice(1).sort()).toEqual(['rt-2', 'rt-3'])
  })

  it('drops what no connection uses, after an hour, and revokes it', async () => {
    await remove(first)
    w.clock.set(w.clock.now() + HOUR - 1)
    await upkeep()
    expect(w.provider.revoked).toEqual([])
    w.clock.set(w.clock.now() + HOUR + 1)
    await upkeep()
    expect(w.provider.revoked).toEqual(['at-1'])
    expect(await w.stored()).not.toContain('credential/')
  })

  it('drops what its only connection no longer uses', async () => {
    await w.store.connections.update(first, { credentialId: 'slack:T2' }, 1)
    w.clock.set(w.clock.now() + HOUR)
    await upkeep()
    expect(w.provider.revoked).toEqual(['at-1'])
  })

  it('drops what was released to be kept, and nobody came back for', async () => {
    await remove(first)
    w.clock.set(w.clock.now() + HOUR)
    await tokens.release(first, 'slack:T1', { keep: true })
    await upkeep()
    expect(w.provider.revoked).toEqual([])
    w.clock.set(w.clock.now() + HOUR)
    await upkeep()
    expect(w.provider.revoked).toEqual(['at-1'])
  })

  it('leaves what a connection uses that is not in the list', async () => {
    await w.connection('con_2')
    await remove(first)
    w.clock.set(w.clock.now() + HOUR)
    await upkeep()
    expect(await get()).toEqual(token(1))
    expect(w.provider.revoked).toEqual([])
  })

  it('leaves a grant alone that was saved for a connection which is only just being made', async () => {
    await remove(first)
    w.clock.set(w.clock.now() + 2 * HOUR)
    await tokens.save({ orgId: ORG, id: 'con_1' }, w.provider.grant())
    await upkeep()
    expect(await get()).toEqual(token(2))
  })

  it('leaves what is held again while it looks', async () => {
    await remove(first)
    w.clock.set(w.clock.now() + 2 * HOUR)
    const { list } = w.store.connections
    w.store.connections.list = async (query) => {
      w.store.connections.list = list
      const page = await list(query)
      await w.process().hold({ orgId: ORG, id: 'con_2' }, 'slack:T1', 'slack')
      return page
    }
    await upkeep()
    expect(await get()).toEqual(token(1))
    expect(w.provider.revoked).toEqual([])
  })

  it('ends in time, and goes on where it ended', async () => {
    for (const n of [2, 3, 4]) {
      const own = await w.connection(`con_${n}`, { credentialId: `slack:T${n}` })
      await tokens.save(own, { ...w.provider.grant({ externalId: `T${n}` }) })
    }
    w.clock.set(w.clock.now() + 31 * DAY)
    const until = w.clock.now() + 1000
    const { refresh } = w.provider
    w.provider.refresh = async (...args) => {
      w.clock.set(w.clock.now() + 600)
      return refresh(...args)
    }
    await tokens.upkeep({ until, signal: w.signal })
    expect(w.provider.asked).toHaveLength(2)
    await upkeep()
    expect(w.provider.asked).toHaveLength(2)
    w.clock.set(w.clock.now() + 61_000)
    await upkeep(w.process())
    expect(w.provider.asked).toHaveLength(4)
  })

  it('ends at once when the process shuts down', async () => {
    w.clock.set(w.clock.now() + 31 * DAY)
    w.provider.hold()
    const abort = new AbortController()
    const running = upkeep(tokens, 60_000, abort.signal)
    await w.clock.advance(0)
    abort.abort(new Error('closing'))
    await running
    expect(w.provider.asked).toEqual(['rt-1'])
  })

  it('is not stopped by a credential that it cannot open, and logs it', async () => {
    const stranger = w.process({ encryption: aes('k0') })
    await stranger.save(
      await w.connection('con_0', { credentialId: 'slack:T0' }),
      w.provider.grant({ externalId: 'T0' }),
    )
    await tokens.save(first, w.provider.grant())
    w.clock.set(w.clock.now() + 31 * DAY)
    await upkeep()
    expect(w.provider.asked).toEqual(['rt-3'])
    expect(w.log.join()).toContain('slack:T0')
  })

  it('logs a store that fails, and throws nothing', async () => {
    w.store.keys.get = () => Promise.reject(new Error('no store'))
    await upkeep()
    expect(w.log.join()).toContain('no store')
  })

  it('does not keep asking for a dead credential', async () => {
    w.provider.grant()
    w.clock.set(w.clock.now() + 31 * DAY)
    await upkeep()
    w.clock.set(w.clock.now() + 2 * HOUR)
    await upkeep()
    expect(w.provider.asked).toEqual(['rt-1'])
  })
})

describe('rekey', () => {
  it('seals with the current key in portions, and says what remains', async () => {
    for (const n of [2, 3])
      await tokens.save({ orgId: 'org_2', id: `con_${n}` }, w.provider.grant({ externalId: `T${n}` }))
    const next = w.process({ encryption: aes('k2', 'k1') })
    expect(await next.rekey({ limit: 0 })).toEqual({ rekeyed: 0, remaining: 3, unreadable: 0 })
    expect(await next.rekey({ limit: 2 })).toEqual({ rekeyed: 2, remaining: 1, unreadable: 0 })
    expect(await next.rekey({ limit: 2 })).toEqual({ rekeyed: 1, remaining: 0, unreadable: 0 })
    expect(await get(first, w.process({ encryption: aes('k2') }))).toEqual(token(1))
  })

  it('counts apart what no key opens', async () => {
    const stranger = w.process({ encryption: aes('k2') })
    expect(await stranger.rekey({ limit: 10 })).toEqual({ rekeyed: 0, remaining: 0, unreadable: 1 })
  })

  it('during a refresh loses neither', async () => {
    const answer = w.provider.hold()
    const waiting = tokens.get(first, { rejectedToken: 'at-1', signal: w.signal })
    await w.clock.advance(0)
    await w.process({ encryption: aes('k2', 'k1') }).rekey({ limit: 10 })
    const both = w.process({ encryption: aes('k1', 'k2') })
    expect(await both.rekey({ limit: 10 })).toMatchObject({ rekeyed: 1 })
    answer()
    expect(await waiting).toEqual(token(2))
    w.clock.set(w.clock.now() + LIFE)
    expect(await get()).toEqual(token(3))
  })
})
