import { describe, expect, it } from 'vitest'
import { rekeyConnections } from '../../src/connections/rekey.ts'
import { createVault } from '../../src/connections/vault.ts'
import { aes, harness, ORG } from './harness.ts'

async function made(ids: readonly string[]) {
  const h = harness({ vault: createVault({ encryption: aes('old') }) })
  for (const id of ids) {
    const headers = { 'x-key': `key of ${id}` }
    const input = { transport: 'hook', config: { url: `https://${id}.example.com`, headers } }
    await h.connections.create({ orgId: id === 'c' ? 'org_2' : ORG, id, ...input })
  }
  return h
}

describe('rekey', () => {
  it('goes over all organisations in portions, and says what remains', async () => {
    const { store, record } = await made(['a', 'b', 'c'])
    const vault = createVault({ encryption: aes('new', 'old') })
    expect(await rekeyConnections({ store, vault }, { limit: 2 })).toEqual({ rekeyed: 2, remaining: 1, unreadable: 0 })
    expect(await rekeyConnections({ store, vault }, { limit: 2 })).toEqual({ rekeyed: 1, remaining: 0, unreadable: 0 })
    expect(await rekeyConnections({ store, vault }, { limit: 2 })).toEqual({ rekeyed: 0, remaining: 0, unreadable: 0 })
    const alone = createVault({ encryption: aes('new') })
    expect(await alone.openConfig(await record('a'))).toMatchObject({ headers: { 'x-key': 'key of a' } })
    expect(await alone.openSecrets(await record('b'))).toHaveLength(1)
  })

  it('leaves none out where there are more than the store lists at once', async () => {
    const { store } = await made(Array.from({ length: 205 }, (_, i) => `n${i}`))
    const vault = createVault({ encryption: aes('new', 'old') })
    expect(await rekeyConnections({ store, vault }, { limit: 500 })).toMatchObject({ rekeyed: 205, remaining: 0 })
  })

  it('counts apart what no key can open, and leaves it', async () => {
    const { store, record } = await made(['a'])
    const before = await record('a')
    const vault = createVault({ encryption: aes('new') })
    expect(await rekeyConnections({ store, vault }, { limit: 9 })).toEqual({ rekeyed: 0, remaining: 0, unreadable: 1 })
    expect(await record('a')).toEqual(before)
  })

  it('seals what was stored while there was no encryption', async () => {
    const h = harness({ vault: createVault({ encryption: false }) })
    const { secret = '' } = await h.connections.create({
      orgId: ORG,
      id: 'a',
      transport: 'hook',
      config: { url: 'https://a' },
    })
    expect(JSON.stringify(await h.record('a'))).toContain(secret.slice(6))
    await rekeyConnections({ store: h.store, vault: createVault({ encryption: aes('new') }) }, { limit: 9 })
    expect(JSON.stringify(await h.record('a'))).not.toContain(secret.slice(6))
  })
})
