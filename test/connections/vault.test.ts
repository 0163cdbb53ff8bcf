import { describe, expect, it } from 'vitest'
import { createVault } from '../../src/connections/vault.ts'
import { aesGcm } from '../../src/encryption/aes-gcm.ts'
import { SignalboxError } from '../../src/errors.ts'

const aes = (...ids: string[]) => aesGcm({ keys: ids.map((id) => ({ id, key: Buffer.alloc(32, id) })) })
const REF = { orgId: 'org_1', id: 'con_1' }
const SECRET = 'whsec_do-not-show'
const FIELDS = {
  fields: [
    { name: 'url', label: '', kind: 'url', required: true },
    { name: 'headers', label: '', kind: 'headers', required: false, secret: true },
  ],
} as const

describe('the vault', () => {
  it('parts a config by its secret fields and puts it together again', async () => {
    const vault = createVault({ encryption: aes('a') })
    const whole = { url: 'https://x', headers: { 'x-key': 'k' } }
    const parts = vault.splitConfig(FIELDS, whole)
    expect(parts).toEqual({ config: { url: 'https://x' }, secret: { headers: { 'x-key': 'k' } } })
    const sealedConfig = await vault.sealConfig(REF, parts.secret)
    expect(sealedConfig).not.toContain('x-key')
    expect(await vault.openConfig({ ...REF, config: parts.config, ...(sealedConfig && { sealedConfig }) })).toEqual(
      whole,
    )
  })

  it('seals nothing where there is nothing', async () => {
    const vault = createVault({ encryption: aes('a') })
    expect(await vault.sealConfig(REF, {})).toBeUndefined()
    expect(await vault.sealSecrets(REF, [])).toBeUndefined()
    expect(await vault.openSecrets(REF)).toEqual([])
    expect(await vault.openConfig({ ...REF, config: { a: 1 } })).toEqual({ a: 1 })
  })

  it.each([
    ['another organisation', { orgId: 'org_2', id: 'con_1' }],
    ['another connection', { orgId: 'org_1', id: 'con_2' }],
    ['a pair that only looks the same when joined', { orgId: 'org', id: '_1con_1' }],
  ])('does not open what was moved to %s', async (_, ref) => {
    const vault = createVault({ encryption: aes('a') })
    const sealedSecrets = (await vault.sealSecrets(REF, [{ secret: SECRET }])) ?? ''
    await expect(vault.openSecrets({ ...ref, sealedSecrets })).rejects.toMatchObject({ code: 'conflict' })
    expect(await vault.openSecrets({ ...REF, sealedSecrets })).toEqual([{ secret: SECRET }])
  })

  it('does not open what was moved to another field', async () => {
    const vault = createVault({ encryption: aes('a') })
    const sealedConfig = (await vault.sealSecrets(REF, [{ secret: SECRET }])) ?? ''
    await expect(vault.openConfig({ ...REF, config: {}, sealedConfig })).rejects.toMatchObject({ code: 'conflict' })
  })

  it('marks what it stores without encryption, and reads and seals it once there is one', async () => {
    const before = createVault({ encryption: false })
    const sealedSecrets = (await before.sealSecrets(REF, [{ secret: SECRET }])) ?? ''
    expect(await before.openSecrets({ ...REF, sealedSecrets })).toEqual([{ secret: SECRET }])
    expect(before.needsRekey({ ...REF, sealedSecrets })).toBe(false)
    const after = createVault({ encryption: aes('a') })
    expect(await after.openSecrets({ ...REF, sealedSecrets })).toEqual([{ secret: SECRET }])
    expect(after.needsRekey({ ...REF, sealedSecrets })).toBe(true)
    const patch = await after.rekey({ ...REF, sealedSecrets })
    expect(JSON.stringify(patch)).not.toContain(SECRET)
    expect(await after.openSecrets({ ...REF, sealedSecrets: patch.sealedSecrets ?? '' })).toEqual([{ secret: SECRET }])
  })

  it('refuses sealed text where there is no encryption any more', async () => {
    const sealedSecrets = (await createVault({ encryption: aes('a') }).sealSecrets(REF, [{ secret: SECRET }])) ?? ''
    const vault = createVault({ encryption: false })
    await expect(vault.openSecrets({ ...REF, sealedSecrets })).rejects.toMatchObject({ code: 'conflict' })
    expect(vault.needsRekey({ ...REF, sealedSecrets })).toBe(false)
  })

  it('never says what it could not read, not even in the cause', async () => {
    const vault = createVault({ encryption: false })
    const error = await vault.openSecrets({ ...REF, sealedSecrets: `plain:${SECRET}` }).catch((e: unknown) => e)
    expect(error).toBeInstanceOf(SignalboxError)
    expect(`${String(error)} ${String((error as Error).cause)}`).not.toContain('do-not')
  })

  it('seals again with the current key only what another key sealed', async () => {
    const old = createVault({ encryption: aes('a') })
    const record = {
      ...REF,
      config: {},
      sealedConfig: (await old.sealConfig(REF, { headers: { a: 'b' } })) ?? '',
      sealedSecrets: (await createVault({ encryption: aes('b') }).sealSecrets(REF, [{ secret: SECRET }])) ?? '',
    }
    const vault = createVault({ encryption: aes('b', 'a') })
    const patch = await vault.rekey(record)
    expect(Object.keys(patch)).toEqual(['sealedConfig'])
    expect(vault.needsRekey({ ...record, sealedConfig: patch.sealedConfig ?? '' })).toBe(false)
  })
})
