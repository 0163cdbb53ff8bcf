import { beforeEach, describe, expect, it } from 'vitest'
import { chat, failure, type Harness, harness, hook, NOW, ORG } from './harness.ts'

const URL_1 = 'https://siem.example.com/in'
const HEADERS = { 'x-key': 'hunter2hunter2' }

let h: Harness
let ref: { orgId: string; id: string }

beforeEach(async () => {
  h = harness()
  ref = { orgId: ORG, id: 'con_a' }
  await h.connections.create({ ...ref, transport: 'hook', config: { url: URL_1, headers: HEADERS } })
})

const stored = async () => h.vault.openConfig(await h.record(ref.id))

describe('updating a connection', () => {
  it('changes what is given and leaves the rest', async () => {
    h.now = NOW + 1000
    const view = await h.connections.update({
      ...ref,
      label: 'SIEM',
      categories: ['team'],
      ordering: 'fifo',
      maxInFlight: 2,
    })
    expect(view).toMatchObject({
      label: 'SIEM',
      categories: ['team'],
      eventTypes: [],
      ordering: 'fifo',
      maxInFlight: 2,
    })
    expect(view).toMatchObject({ version: 2, createdAt: NOW, updatedAt: NOW + 1000, status: 'active', signed: true })
    expect(await stored()).toEqual({ url: URL_1, headers: HEADERS })
  })

  it('removes settings with null', async () => {
    await h.connections.update({ ...ref, metadata: { a: 1 }, ordering: 'fifo', maxInFlight: 2, pace: false })
    const view = await h.connections.update({ ...ref, metadata: null, ordering: null, maxInFlight: null, pace: null })
    expect(view.metadata ?? view.ordering ?? view.maxInFlight).toBeUndefined()
    expect(view.pace).toEqual(hook.pace)
  })

  it('replaces the config and keeps the secret fields that are left out', async () => {
    const view = await h.connections.update({ ...ref, config: { url: 'https://new.example.com/in' } })
    expect(view.destination).toBe('https://new.example.com/…')
    expect(await stored()).toEqual({ url: 'https://new.example.com/in', headers: HEADERS })
  })

  it('removes a secret field with null', async () => {
    const view = await h.connections.update({ ...ref, config: { url: URL_1, headers: null } })
    expect(view.secretFields).toEqual([])
    expect(await stored()).toEqual({ url: URL_1 })
    expect((await h.record(ref.id)).sealedConfig).toBeUndefined()
  })

  it('refuses a config that the schema or the egress guard refuses, and changes nothing', async () => {
    const update = (config: unknown) => failure(h.connections.update({ ...ref, label: 'x', config }))
    expect(await update({ url: 'https://10.0.0.1/' })).toMatchObject({ code: 'blocked_url', field: 'config.url' })
    expect(await update({ url: 5 })).toMatchObject({ code: 'invalid_input', field: 'config.url' })
    expect(await update({ url: URL_1, colour: 1 })).toMatchObject({ code: 'invalid_input' })
    expect((await h.record(ref.id)).version).toBe(1)
  })

  it('refuses types outside the categories that result', async () => {
    await h.connections.update({ ...ref, categories: ['breach'], eventTypes: ['breach_logged'] })
    expect(await failure(h.connections.update({ ...ref, categories: ['team'] }))).toMatchObject({
      code: 'invalid_input',
      field: 'eventTypes[0]',
    })
    const view = await h.connections.update({ ...ref, categories: ['team'], eventTypes: [] })
    expect(view.categories).toEqual(['team'])
  })

  it('leaves names that the catalog no longer has alone when something else changes', async () => {
    await h.store.connections.update(ref, { eventTypes: ['long_gone'] }, 1)
    const view = await h.connections.update({ ...ref, label: 'SIEM' })
    expect(view.eventTypes).toEqual(['long_gone'])
  })

  it('checks uniqueness, by the config as by the types', async () => {
    const other = { orgId: ORG, id: 'con_b' }
    await h.connections.create({ ...other, transport: 'hook', config: { url: URL_1 }, eventTypes: ['breach_logged'] })
    for (const patch of [
      { eventTypes: ['breach_logged'] },
      { eventTypes: ['breach_logged'], config: { url: URL_1 } },
    ]) {
      const error = await failure(h.connections.update({ ...ref, ...patch }))
      expect(error).toMatchObject({ code: 'conflict', field: 'uniqueKey' })
    }
    await h.connections.update({ ...other, eventTypes: ['breach_closed'] })
    await h.connections.update({ ...ref, eventTypes: ['breach_logged'] })
  })

  it('refuses a version that is no longer the one', async () => {
    await h.connections.update({ ...ref, label: 'first', expectedVersion: 1 })
    const late = failure(h.connections.update({ ...ref, label: 'second', expectedVersion: 1 }))
    expect(await late).toMatchObject({ code: 'conflict', field: 'expectedVersion' })
    expect((await h.record(ref.id)).label).toBe('first')
  })

  it('loses no change when several arrive at once without a version', async () => {
    await Promise.all([
      h.connections.update({ ...ref, label: 'SIEM' }),
      h.connections.update({ ...ref, categories: ['team'] }),
      h.connections.update({ ...ref, maxInFlight: 9 }),
    ])
    expect(await h.record(ref.id)).toMatchObject({ label: 'SIEM', categories: ['team'], maxInFlight: 9, version: 4 })
  })

  it('writes nothing where nothing is given', async () => {
    expect((await h.connections.update(ref)).version).toBe(1)
  })

  it('refuses a misspelt field', async () => {
    expect(await failure(h.connections.update({ ...ref, lable: 'x' } as never))).toMatchObject({ field: 'lable' })
  })
})

describe('completing a connection', () => {
  const config = { hookUrl: 'https://hooks.example.com/T0' }
  const chatRef = { orgId: ORG, id: 'con_chat' }
  beforeEach(async () => {
    await h.connections.create({ ...chatRef, transport: 'chat', config })
  })

  it('activates it, without asking for its secret again', async () => {
    const view = await h.connections.update({ ...chatRef, config: { channel: 'C1' } })
    expect(view.status).toBe('active')
    expect(view.reason).toBeUndefined()
    expect(view.destination).toBe('https://hooks.example.com C1')
  })

  it('leaves a pause alone', async () => {
    await h.connections.pause(chatRef)
    expect((await h.connections.update({ ...chatRef, config: { channel: 'C1' } })).status).toBe('paused')
    expect((await h.connections.resume(chatRef)).status).toBe('active')
  })

  it('and taking something away makes it incomplete again', async () => {
    await h.connections.update({ ...chatRef, config: { channel: 'C1' } })
    const view = await h.connections.update({ ...chatRef, config: {} })
    expect(view).toMatchObject({ status: 'incomplete', reason: { code: 'missing' } })
  })

  it('whose stored config no longer parses repairs it', async () => {
    await h.store.connections.update(chatRef, { config: { channel: 7 } }, 1)
    const broken = await h.connections.get(chatRef)
    expect(broken).toMatchObject({ status: 'incomplete', reason: { code: 'config_invalid' }, destination: '' })
    expect(broken.reason?.text).toContain('config.channel')
    expect((await h.connections.update({ ...chatRef, config: { channel: 'C1' } })).status).toBe('active')
  })

  it('is a conflict where the dispatcher has no such transport, which the view says', async () => {
    h.transports.delete(chat.name)
    expect(await failure(h.connections.update({ ...chatRef, config: { channel: 'C1' } }))).toMatchObject({
      code: 'conflict',
    })
    expect((await h.connections.get(chatRef)).reason?.text).toContain('no transport named chat')
  })
})
