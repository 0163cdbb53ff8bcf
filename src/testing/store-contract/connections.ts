import assert from 'node:assert/strict'
import type { SubscriptionSet } from '../../contracts/index.ts'
import { isSignalboxError } from '../../errors.ts'
import { aConnection, allPages, type Case, connection, ORG, T0 } from './world.ts'

const conflictOn = (field: string) => (error: unknown) => {
  assert.ok(isSignalboxError(error, 'conflict'), `a conflict, not ${String(error)}`)
  assert.equal(error.field, field)
  return true
}
const isCode = (code: 'conflict' | 'not_found') => (error: unknown) => {
  assert.ok(isSignalboxError(error, code), `${code}, not ${String(error)}`)
  return true
}

const full = aConnection('con_full', {
  config: { url: 'https://hooks.example.com/ünïcode/🦉', zebra: 1, apple: { b: [1, null, 'x'], a: true } },
  sealedConfig: 'sealed:config',
  sealedSecrets: 'sealed:secrets',
  credentialId: 'crd_1',
  metadata: { team: 'ops', nested: { deep: [{}] } },
  categories: ['breach', 'risk'],
  eventTypes: ['breach_logged'],
  status: 'paused',
  reason: { code: 'paused', text: 'Paused by a person', since: T0 - 5 },
  uniqueKey: 'channel:C1',
  digest: { window: { everyMs: 60_000 }, key: '{type}', leading: 'hold', maxItems: 10, keep: 'last' },
  minImportance: 'high',
  gaps: [{ from: T0 - 2000, to: T0 - 1000 }],
  quietHours: { timeZone: 'Europe/Dublin', intervals: [{ days: [0, 6], from: '22:00', to: '06:00' }] },
  ordering: 'fifo',
  pace: { perSecond: 1, burst: 3 },
  maxInFlight: 2,
})

export const connectionCases: readonly Case[] = [
  {
    name: 'connections: one is read back exactly as it was inserted',
    async run({ store }) {
      await store.connections.insert(full)
      await store.connections.insert(aConnection('con_bare'))
      assert.deepEqual(await store.connections.get(full), full)
      assert.deepEqual(await store.connections.get({ orgId: ORG, id: 'con_bare' }), aConnection('con_bare'))
      assert.equal(await store.connections.get({ orgId: ORG, id: 'con_none' }), undefined)
    },
  },
  {
    name: 'connections: an id is unique over all organisations, and a refused insert stores nothing',
    async run({ store }) {
      await store.connections.insert(aConnection('con_a'))
      await assert.rejects(store.connections.insert(aConnection('con_a', { label: 'again' })), conflictOn('id'))
      await assert.rejects(store.connections.insert(aConnection('con_a', { orgId: 'org_b' })), conflictOn('id'))
      assert.equal((await connection(store, 'con_a')).label, 'Label of con_a')
      assert.equal((await store.connections.list({ limit: 10 })).items.length, 1)
    },
  },
  {
    name: 'connections: a unique key is taken once in an organisation; update and delete free it',
    async run({ store }) {
      const { connections } = store
      await connections.insert(aConnection('con_a', { uniqueKey: 'k' }))
      await assert.rejects(connections.insert(aConnection('con_b', { uniqueKey: 'k' })), conflictOn('uniqueKey'))
      assert.equal(await connections.get({ orgId: ORG, id: 'con_b' }), undefined)
      await connections.insert(aConnection('con_other', { orgId: 'org_b', uniqueKey: 'k' }))
      await connections.insert(aConnection('con_b', { uniqueKey: 'l' }))
      const b = { orgId: ORG, id: 'con_b' }
      await assert.rejects(connections.update(b, { uniqueKey: 'k', label: 'no' }, 1), conflictOn('uniqueKey'))
      assert.deepEqual(await connections.get(b), aConnection('con_b', { uniqueKey: 'l' }))

      // its own key again is no conflict; another one frees the old
      await connections.update(b, { uniqueKey: 'l' }, 1)
      await connections.update(b, { uniqueKey: 'm' }, 2)
      await connections.insert(aConnection('con_c', { uniqueKey: 'l' }))
      const cleared = await connections.update(b, { uniqueKey: null }, 3)
      assert.ok(!('uniqueKey' in cleared) || cleared.uniqueKey === undefined)
      await connections.insert(aConnection('con_d', { uniqueKey: 'm' }))
      await connections.delete({ orgId: ORG, id: 'con_a' }, { now: T0 })
      await connections.update(b, { uniqueKey: 'k' }, 4)
    },
  },
  {
    name: 'connections: any number may have no unique key',
    async run({ store }) {
      await store.connections.insert(aConnection('con_a'))
      await store.connections.insert(aConnection('con_b'))
    },
  },
  {
    name: 'connections: update replaces the fields of the patch, null removes one, the version grows by one',
    async run({ store }) {
      await store.connections.insert(full)
      const patch = {
        label: 'New',
        reason: null,
        status: 'active',
        digest: null,
        updatedAt: T0 + 9,
        pace: null,
      } as const
      const updated = await store.connections.update(full, { ...patch, config: { url: 'https://x.example.com' } }, 1)
      const { reason: _reason, digest: _digest, pace: _pace, ...rest } = full
      const expected = { ...rest, label: 'New', status: 'active', updatedAt: T0 + 9, version: 2 }
      assert.deepEqual(updated, { ...expected, config: { url: 'https://x.example.com' } })
      assert.deepEqual(await store.connections.get(full), updated)
      const same = await store.connections.update(full, {}, 2)
      assert.deepEqual(same, { ...updated, version: 3 })
    },
  },
  {
    name: 'connections: an update on another version is a conflict and changes nothing',
    async run({ store }) {
      await store.connections.insert(aConnection('con_a'))
      const ref = { orgId: ORG, id: 'con_a' }
      await store.connections.update(ref, { label: 'first' }, 1)
      await assert.rejects(store.connections.update(ref, { label: 'stale' }, 1), isCode('conflict'))
      await assert.rejects(store.connections.update(ref, { label: 'early' }, 3), isCode('conflict'))
      assert.equal((await connection(store, 'con_a')).label, 'first')
      const missing = { orgId: ORG, id: 'con_none' }
      await assert.rejects(store.connections.update(missing, { label: 'x' }, 1), isCode('not_found'))
    },
  },
  {
    name: 'connections: of many updates on one version exactly one succeeds',
    async run({ store }) {
      await store.connections.insert(aConnection('con_a'))
      const results = await Promise.allSettled(
        Array.from({ length: 10 }, (_, n) =>
          store.connections.update({ orgId: ORG, id: 'con_a' }, { label: `label ${n}` }, 1),
        ),
      )
      assert.equal(results.filter((result) => result.status === 'fulfilled').length, 1)
      for (const result of results) if (result.status === 'rejected') isCode('conflict')(result.reason)
      assert.equal((await connection(store, 'con_a')).version, 2)
    },
  },
  {
    name: 'connections: list goes by id, by organisation and transport, and a cursor stays valid while rows are added',
    async run({ store }) {
      const ids = ['con_05', 'con_01', 'con_09', 'con_03', 'con_07']
      for (const id of ids) await store.connections.insert(aConnection(id))
      await store.connections.insert(aConnection('con_04', { orgId: 'org_b' }))
      await store.connections.insert(aConnection('con_06', { transport: 'slack' }))
      const { connections } = store
      const webhooks = await allPages(
        (query) => connections.list({ ...query, orgId: ORG, transport: 'webhook' }),
        2,
        async (pages) => {
          // before the cursor, then after it
          if (pages === 1) await connections.insert(aConnection('con_02'))
          if (pages === 2) await connections.insert(aConnection('con_08'))
        },
      )
      const expected = ['con_01', 'con_03', 'con_05', 'con_07', 'con_08', 'con_09']
      assert.deepEqual(
        webhooks.map((row) => row.id),
        expected,
      )
      const everyone = await allPages((query) => connections.list(query), 3)
      assert.deepEqual(
        everyone.map((row) => row.id),
        ['con_01', 'con_02', 'con_03', 'con_04', 'con_05', 'con_06', 'con_07', 'con_08', 'con_09'],
      )
      const slack = await connections.list({ limit: 1000, transport: 'slack' })
      assert.deepEqual(
        slack.items.map((row) => row.id),
        ['con_06'],
      )
      assert.equal(slack.next, undefined)
    },
  },
  {
    name: 'connections: delete answers whether there was one',
    async run({ store }) {
      await store.connections.insert(aConnection('con_a'))
      const ref = { orgId: ORG, id: 'con_a' }
      assert.equal(await store.connections.delete({ orgId: 'org_b', id: 'con_a' }, { now: T0 }), false)
      assert.equal(await store.connections.delete(ref, { now: T0 }), true)
      assert.equal(await store.connections.delete(ref, { now: T0 }), false)
      assert.equal(await store.connections.get(ref), undefined)
      await assert.rejects(store.connections.update(ref, { label: 'x' }, 1), isCode('not_found'))
    },
  },
  {
    name: 'subscriptions: the set has the active connections of the organisation, by id, with what matching needs',
    async run({ store }) {
      await store.connections.insert(aConnection('con_b', { categories: ['risk'], eventTypes: ['risk_raised'] }))
      await store.connections.insert({ ...full, status: 'active' })
      await store.connections.insert(aConnection('con_paused', { status: 'paused' }))
      await store.connections.insert(aConnection('con_suspended', { status: 'suspended' }))
      await store.connections.insert(aConnection('con_incomplete', { status: 'incomplete' }))
      await store.connections.insert(aConnection('con_other', { orgId: 'org_b' }))
      const set = await subscribed(store.connections.subscribed(ORG))
      assert.deepEqual(
        set.connections.map((row) => row.id),
        ['con_b', 'con_full'],
      )
      const [b, whole] = set.connections
      assert.deepEqual(
        [b?.orgId, b?.transport, b?.categories, b?.eventTypes],
        [ORG, 'webhook', ['risk'], ['risk_raised']],
      )
      assert.ok(b?.digest === undefined && b?.quietHours === undefined)
      assert.deepEqual(whole?.digest, full.digest)
      assert.deepEqual(whole?.quietHours, full.quietHours)
      assert.equal(whole?.minImportance, 'high')
    },
  },
  {
    name: 'subscriptions: an organisation without connections has an empty set with a version',
    async run({ store }) {
      const set = await subscribed(store.connections.subscribed('org_unheard_of'))
      assert.deepEqual(set.connections, [])
      assert.equal(await store.connections.subscribed('org_unheard_of', { since: set.version }), 'unchanged')
      await store.connections.insert(aConnection('con_a', { orgId: 'org_unheard_of' }))
      const next = await subscribed(store.connections.subscribed('org_unheard_of', { since: set.version }))
      assert.equal(next.connections.length, 1)
    },
  },
  {
    name: 'subscriptions: each change of status or subscription has a version of its own, never used before',
    async run({ store }) {
      const { connections } = store
      const ref = { orgId: ORG, id: 'con_a' }
      const versions: string[] = []
      const changed = async (active: number) => {
        const since = versions.at(-1)
        const set = await subscribed(connections.subscribed(ORG, since === undefined ? {} : { since }))
        assert.equal(set.connections.length, active)
        assert.ok(!versions.includes(set.version), 'a version that was not used before')
        for (const old of versions) assert.notEqual(await connections.subscribed(ORG, { since: old }), 'unchanged')
        versions.push(set.version)
        assert.equal(await connections.subscribed(ORG, { since: set.version }), 'unchanged')
      }
      await changed(0)
      await connections.insert(aConnection('con_a'))
      await changed(1)
      await connections.update(ref, { categories: ['risk'] }, 1)
      await changed(1)
      await connections.update(ref, { categories: [] }, 2)
      await changed(1)
      await connections.update(ref, { eventTypes: ['breach_logged'] }, 3)
      await changed(1)
      await connections.update(ref, { digest: { window: { everyMs: 1000 } } }, 4)
      await changed(1)
      await connections.update(ref, { quietHours: { timeZone: 'UTC', intervals: [] } }, 5)
      await changed(1)
      await connections.update(ref, { minImportance: 'high' }, 6)
      await changed(1)
      await connections.update(ref, { status: 'paused' }, 7)
      await changed(0)
      await connections.update(ref, { status: 'active' }, 8)
      await changed(1)
      await connections.delete(ref, { now: T0 })
      await changed(0)
      await connections.insert(aConnection('con_b'))
      await changed(1)
    },
  },
  {
    name: 'subscriptions: a change in one organisation leaves the version of another',
    async run({ store }) {
      await store.connections.insert(aConnection('con_a'))
      await store.connections.insert(aConnection('con_b', { orgId: 'org_b' }))
      const { version } = await subscribed(store.connections.subscribed(ORG))
      await store.connections.update({ orgId: 'org_b', id: 'con_b' }, { status: 'paused' }, 1)
      assert.equal(await store.connections.subscribed(ORG, { since: version }), 'unchanged')
      const other = await subscribed(store.connections.subscribed('org_b'))
      assert.notEqual(other.version, version)
    },
  },
]

/** The set of a call that must not answer `unchanged`. */
export async function subscribed(answer: Promise<SubscriptionSet | 'unchanged'>): Promise<SubscriptionSet> {
  const set = await answer
  assert.notEqual(set, 'unchanged')
  assert.ok(typeof set === 'object')
  return set
}
