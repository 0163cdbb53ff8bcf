import { DatabaseSync } from 'node:sqlite'
import { inspect } from 'node:util'
import { expect, it } from 'vitest'
import { sqliteStore } from '../../../src/stores/sqlite.ts'
import { aBatch, aConnection, claim, ORG, openStore, T0, temporaryFile } from './fixtures.ts'

async function errorOf(call: Promise<unknown>): Promise<unknown> {
  return call.then(
    () => undefined,
    (reason: unknown) => reason,
  )
}

it('an error never carries what a record holds', async () => {
  const path = temporaryFile()
  const store = await openStore(path)
  await store.connections.insert(aConnection('con_a', { sealedSecrets: 'sealed:hush' }))
  const batch = aBatch('con_a', 'e', 1)
  const circular: Record<string, unknown> = { hush: 'hush' }
  circular.again = circular
  const events = batch.events.map((event) => ({ ...event, id: 'e1', title: 'hush', metadata: circular }))
  const errors = [await errorOf(store.deliveries.enqueue({ ...batch, events }))]

  await store.deliveries.enqueue(batch)
  const db = new DatabaseSync(path)
  db.exec(`UPDATE signalbox_event SET body = '{"title":"hush' WHERE id = 'e0'`)
  db.exec(`UPDATE signalbox_connection SET body = '{"sealedSecrets":"hush', revision = revision + 1`)
  errors.push(await errorOf(store.events.get({ orgId: ORG, id: 'e0' })))
  errors.push(await errorOf(store.connections.get({ orgId: ORG, id: 'con_a' })))
  errors.push(await errorOf(claim(store, T0)))
  db.exec('DROP TABLE signalbox_key')
  errors.push(await errorOf(store.keys.put('k', 'hush', { now: T0 })))
  for (const error of errors) {
    expect(error).toMatchObject({ name: 'SignalboxError', code: 'store_failed' })
    expect(inspect(error, { depth: 10, showHidden: true })).not.toContain('hush')
  }
  db.close()
})

it('a record that cannot be read hinders no other call', async () => {
  const path = temporaryFile()
  const store = await openStore(path)
  await store.connections.insert(aConnection('con_a'))
  await store.deliveries.enqueue(aBatch('con_a', 'e', 2))
  const db = new DatabaseSync(path)
  db.exec(`UPDATE signalbox_connection SET body = '{', revision = revision + 1`)
  await errorOf(store.connections.get({ orgId: ORG, id: 'con_a' }))
  expect((await store.events.list({ orgId: ORG, limit: 10 })).items).toHaveLength(2)
  db.close()
})

it('a call before setup, and one after close, is refused', async () => {
  const store = sqliteStore({ path: temporaryFile() })
  const refused = expect.objectContaining({ code: 'store_failed' })
  await expect(store.keys.get('k', { now: T0 })).rejects.toEqual(refused)
  await store.setup()
  await store.keys.put('k', 'v', { now: T0 })
  await store.close()
  await store.close()
  await expect(store.keys.get('k', { now: T0 })).rejects.toEqual(refused)
  await expect(store.setup()).rejects.toEqual(refused)
})

it('an `after` that no list gave out is invalid_input', async () => {
  const store = await openStore(temporaryFile())
  const refused = expect.objectContaining({ code: 'invalid_input', field: 'after' })
  await store.deliveries.enqueue(aBatch('con_a', 'e', 1))
  for (const after of ['', 'x', '{}', '[1]', '[[],{}]']) {
    await expect(store.deliveries.list({ orgId: ORG, limit: 10, after })).rejects.toEqual(refused)
  }
})
