import { describe, expect, it } from 'vitest'
import type { AuthorizeRequest } from '../../src/connections/authorize.ts'
import type { Connections } from '../../src/connections/types.ts'
import { failure, type Harness, harness, ORG } from './harness.ts'

const config = { url: 'https://siem.example.com/in' }
type Call = { orgId: string; id: string; actor?: string }

type Named = Exclude<keyof Connections, 'create' | 'connect' | 'list'>

const calls: Record<Named, (c: Connections, call: Call) => Promise<unknown>> = {
  get: (c, { actor: _, ...call }) => c.get(call),
  channels: (c, { actor: _, ...call }) => c.channels(call),
  update: (c, call) => c.update({ ...call, label: 'changed' }),
  pause: (c, call) => c.pause(call),
  resume: (c, call) => c.resume(call),
  rotateSecret: (c, call) => c.rotateSecret(call),
  test: (c, call) => c.test(call),
  delete: (c, call) => c.delete(call),
}
const changing = Object.entries(calls).filter(([name]) => name !== 'get' && name !== 'channels')

async function snapshot(h: Harness): Promise<unknown> {
  const { items } = await h.store.connections.list({ limit: 100 })
  return [items, await h.store.deliveries.list({ orgId: ORG, limit: 100 })]
}

describe('tenants', () => {
  it.each(Object.entries(calls))('are apart for %s', async (_, call) => {
    const h = harness()
    await h.connections.create({ orgId: ORG, id: 'con_a', transport: 'hook', config })
    const before = await snapshot(h)
    expect(await failure(call(h.connections, { orgId: 'org_2', id: 'con_a' }))).toMatchObject({ code: 'not_found' })
    expect(await snapshot(h)).toEqual(before)
    expect(h.attempted).toEqual([])
  })

  it('are apart for list', async () => {
    const h = harness()
    await h.connections.create({ orgId: ORG, id: 'con_a', transport: 'hook', config })
    expect((await h.connections.list({ orgId: 'org_2' })).items).toEqual([])
  })

  it('must be named in every call', async () => {
    const { connections } = harness()
    const input = { orgId: '', transport: 'hook', config }
    expect(await failure(connections.create(input))).toMatchObject({ code: 'invalid_input', field: 'orgId' })
    expect(await failure(connections.list({ orgId: undefined } as never))).toMatchObject({ field: 'orgId' })
    for (const call of Object.values(calls)) {
      expect(await failure(call(connections, { orgId: '', id: 'x' }))).toMatchObject({ field: 'orgId' })
      expect(await failure(call(connections, { orgId: ORG, id: '' }))).toMatchObject({ field: 'id' })
    }
  })
})

describe('authorize', () => {
  it.each(changing)('is asked before %s, and a refusal changes nothing', async (name, call) => {
    const asked: AuthorizeRequest[] = []
    let answer: unknown = true
    const h = harness({
      authorize: async (request) => {
        asked.push(request)
        return answer as boolean
      },
    })
    await h.connections.create({ orgId: ORG, id: 'con_a', transport: 'hook', config })
    const before = await snapshot(h)
    // Anything but `true` refuses: a hook that forgets to answer lets nobody in.
    for (answer of [false, undefined, 1]) {
      const refused = call(h.connections, { orgId: ORG, id: 'con_a', actor: 'ann' })
      expect(await failure(refused)).toMatchObject({ code: 'forbidden' })
    }
    expect(await snapshot(h)).toEqual(before)
    expect(h.attempted).toEqual([])
    expect(asked.at(-1)).toEqual({ action: `connections.${name}`, orgId: ORG, actor: 'ann' })
    answer = true
    await call(h.connections, { orgId: ORG, id: 'con_a' })
    expect(asked.at(-1)).toEqual({ action: `connections.${name}`, orgId: ORG })
  })

  it('is asked before create', async () => {
    const asked: AuthorizeRequest[] = []
    const h = harness({ authorize: (request) => asked.push(request) === 0 })
    const refused = h.connections.create({ orgId: ORG, transport: 'hook', config, actor: { id: 7 } })
    expect(await failure(refused)).toMatchObject({ code: 'forbidden' })
    expect(asked).toEqual([{ action: 'connections.create', orgId: ORG, actor: { id: 7 } }])
    expect((await h.connections.list({ orgId: ORG })).items).toEqual([])
  })

  it('is not asked for reading', async () => {
    const h = harness({ authorize: ({ action }) => action === 'connections.create' })
    await h.connections.create({ orgId: ORG, id: 'con_a', transport: 'hook', config })
    await h.connections.get({ orgId: ORG, id: 'con_a' })
    await h.connections.list({ orgId: ORG })
  })
})
