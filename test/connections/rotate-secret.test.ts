import { describe, expect, it } from 'vitest'
import { activeSecrets, createVault } from '../../src/connections/vault.ts'
import { aes, failure, HOUR, harness, NOW, ORG } from './harness.ts'

const URL_1 = 'https://siem.example.com/in'

describe('rotating the secret', () => {
  async function made() {
    const h = harness()
    const { connection, secret: first = '' } = await h.connections.create({
      orgId: ORG,
      transport: 'hook',
      config: { url: URL_1 },
    })
    const ref = { orgId: ORG, id: connection.id }
    const active = async (at: number) => {
      return activeSecrets(await h.vault.openSecrets(await h.record(ref.id)), at)
    }
    return { ...h, h, ref, first, active }
  }

  it('stops the old one at once, and shows the new one once', async () => {
    const { connections, ref, first, active } = await made()
    const { secret, connection } = await connections.rotateSecret(ref)
    expect(secret).not.toBe(first)
    expect(await active(NOW)).toEqual([secret])
    expect(JSON.stringify([connection, await connections.get(ref)])).not.toContain(secret)
  })

  it('keeps the old one beside the new until the overlap ends, on time', async () => {
    const { connections, ref, first, active } = await made()
    const { secret } = await connections.rotateSecret({ ...ref, overlapMs: HOUR })
    expect(await active(NOW + HOUR - 1)).toEqual([secret, first])
    expect(await active(NOW + HOUR)).toEqual([secret])
  })

  it('keeps those of earlier overlaps to their end, and forgets them then', async () => {
    const { h, connections, ref, first, active, vault, record } = await made()
    const second = (await connections.rotateSecret({ ...ref, overlapMs: 2 * HOUR })).secret
    h.now = NOW + HOUR
    const third = (await connections.rotateSecret({ ...ref, overlapMs: 4 * HOUR })).secret
    expect(await active(h.now)).toEqual([third, second, first])
    h.now = NOW + 3 * HOUR
    const fourth = (await connections.rotateSecret(ref)).secret
    expect((await vault.openSecrets(await record(ref.id))).map((one) => one.secret)).toEqual([fourth, second])
    expect(await active(NOW + 5 * HOUR)).toEqual([fourth])
  })

  it('bounds the overlap and refuses what does not suit', async () => {
    const { connections, ref } = await made()
    const rotate = (more: object) => failure(connections.rotateSecret({ ...ref, ...more }))
    expect(await rotate({ overlapMs: 31 * 24 * HOUR })).toMatchObject({ code: 'invalid_input', field: 'overlapMs' })
    expect(await rotate({ overlapMs: -1 })).toMatchObject({ code: 'invalid_input', field: 'overlapMs' })
    expect(await rotate({ secret: 'short' })).toMatchObject({ code: 'invalid_input', field: 'secret' })
    expect(await rotate({ secret: false })).toMatchObject({ code: 'invalid_input', field: 'secret' })
  })

  it('replaces secrets whose key was lost, but can not overlap with them', async () => {
    const { store, ref } = await made()
    const other = harness({ store, vault: createVault({ encryption: aes('k2') }) })
    expect(await other.connections.get(ref)).toMatchObject({ status: 'active', reason: { code: 'secret_unreadable' } })
    expect(await failure(other.connections.rotateSecret({ ...ref, overlapMs: 1000 }))).toMatchObject({
      code: 'conflict',
    })
    await other.connections.rotateSecret(ref)
    expect((await other.connections.get(ref)).reason).toBeUndefined()
  })

  it('is refused where the transport does not sign', async () => {
    const { connections } = harness()
    const config = { hookUrl: 'https://hooks.example.com/T0', channel: 'C1' }
    const { connection } = await connections.create({ orgId: ORG, transport: 'chat', config })
    expect(await failure(connections.rotateSecret({ orgId: ORG, id: connection.id }))).toMatchObject({
      code: 'invalid_input',
    })
  })
})
