import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { describe, expect, it, onTestFinished } from 'vitest'
import { isSignalboxError } from '../../../src/errors.ts'
import { migrate, migrations, postgresStore } from '../../../src/stores/postgres.ts'
import { dropSchema, openPool, postgresMissing, schemaName } from '../../support/postgres.ts'
import { aBatch, aConnection, claim, freshWorld, ORG, T0 } from './fixtures.ts'

const missing = await postgresMissing()
const STARTER = fileURLToPath(new URL('starter.ts', import.meta.url))

/** A name that is dropped after the test, and a pool. */
function unmade() {
  const schema = schemaName()
  const pool = openPool()
  onTestFinished(async () => {
    await pool.end()
    await dropSchema(schema)
  })
  return { schema, pool }
}

async function tables(pool: ReturnType<typeof openPool>, schema: string): Promise<readonly string[]> {
  const sql = 'SELECT tablename FROM pg_tables WHERE schemaname = $1 ORDER BY tablename'
  return (await pool.query(sql, [schema])).rows.map((row) => String(row.tablename))
}

async function functions(pool: ReturnType<typeof openPool>, schema: string): Promise<readonly string[]> {
  const sql = `
    SELECT proname || '(' || pg_get_function_identity_arguments(oid) || ')' AS name FROM pg_proc
    WHERE pronamespace = $1::regnamespace ORDER BY 1`
  return (await pool.query(sql, [schema])).rows.map((row) => String(row.name).replaceAll(schema, ''))
}

const outdated = (error: unknown) => isSignalboxError(error, 'schema_outdated')

describe.skipIf(missing !== undefined)('migrations', () => {
  it('a schema that is not there is refused as schema_outdated, with the call to make', async () => {
    const { schema, pool } = unmade()
    const error = await postgresStore({ pool, schema })
      .setup()
      .catch((reason: unknown) => reason)
    expect(outdated(error)).toBe(true)
    expect(String(error)).toContain(`await migrate({ pool, schema: '${schema}' })`)
    expect(await tables(pool, schema)).toEqual([])
  })

  it('migrate makes it, a second time changes nothing, and the store is ready', async () => {
    const { schema, pool } = unmade()
    await migrate({ pool, schema })
    const store = postgresStore({ pool, schema })
    await store.setup()
    await store.connections.insert(aConnection('con_a'))
    await migrate({ pool, schema })
    expect((await store.connections.list({ limit: 10 })).items).toHaveLength(1)
    await store.close()
  })

  it('the printed SQL makes the same, run as a script by another tool', async () => {
    const { schema, pool } = unmade()
    const steps = migrations(schema)
    expect(steps.map(({ version }) => version)).toEqual(steps.map((_, index) => index + 1))
    for (const { sql } of steps) await pool.query(`BEGIN; ${sql} COMMIT;`)
    const other = unmade()
    await migrate(other)
    expect(await tables(pool, schema)).toEqual(await tables(pool, other.schema))
    expect(await functions(pool, schema)).toEqual(await functions(pool, other.schema))
    await postgresStore({ pool, schema }).setup()
  })

  it('a store with migrate: auto sets itself up', async () => {
    const { schema, pool } = unmade()
    const store = postgresStore({ pool, schema, migrate: 'auto' })
    await store.setup()
    await store.deliveries.enqueue(aBatch('con_a', 'e', 1))
    await store.close()
  })

  it('processes that start at once on a new schema set it up once', { timeout: 60_000 }, async () => {
    const { schema, pool } = unmade()
    const started = ['a', 'b', 'c', 'd'].map((name) => {
      const child = spawn(process.execPath, ['--no-warnings', STARTER, schema, name], { stdio: 'inherit' })
      onTestFinished(() => void child.kill('SIGKILL'))
      return child
    })
    await Promise.all(started.map((child) => once(child, 'exit')))
    expect(started.map((child) => child.exitCode)).toEqual([0, 0, 0, 0])
    expect((await pool.query(`SELECT version FROM "${schema}".schema_version`)).rows).toEqual([{ version: 1 }])
    const store = postgresStore({ pool, schema })
    expect((await store.events.list({ orgId: ORG, limit: 10 })).items.map(({ id }) => id)).toEqual([
      'a0',
      'b0',
      'c0',
      'd0',
    ])
  })

  it('a schema of an older version is refused, one of a newer that this version can use is not', async () => {
    const { pool, schema, open } = await freshWorld()
    await pool.query(`UPDATE "${schema}".schema_version SET version = 0`)
    const error = await open().catch((reason: unknown) => reason)
    expect(outdated(error)).toBe(true)
    await pool.query(`UPDATE "${schema}".schema_version SET version = 9, needs = 1`)
    await pool.query(`ALTER TABLE "${schema}".delivery ADD COLUMN later text`)
    const store = await open()
    await store.connections.insert(aConnection('con_a'))
    await store.deliveries.enqueue(aBatch('con_a', 'e', 1))
    expect((await claim(store, T0)).deliveries).toHaveLength(1)
    await migrate({ pool, schema })
    expect((await pool.query(`SELECT version, needs FROM "${schema}".schema_version`)).rows).toEqual([
      { version: 9, needs: 1 },
    ])
  })

  it('a schema that a newer version has made unusable is refused, and left as it is', async () => {
    const { pool, schema, open } = await freshWorld()
    await pool.query(`UPDATE "${schema}".schema_version SET version = 9, needs = 9`)
    for (const call of [open, () => migrate({ pool, schema }), () => open({ migrate: 'auto' })]) {
      const error = await call().catch((reason: unknown) => reason)
      expect(outdated(error)).toBe(true)
      expect(String(error)).toContain('Update signalbox')
    }
    expect((await pool.query(`SELECT version, needs FROM "${schema}".schema_version`)).rows).toEqual([
      { version: 9, needs: 9 },
    ])
  })

  it('a role that may not make schemas can migrate one that was made for it', async () => {
    const { schema, pool } = unmade()
    const role = `${schema}_role`
    await pool.query(`CREATE ROLE "${role}" LOGIN; CREATE SCHEMA "${schema}" AUTHORIZATION "${role}"`)
    const limited = openPool({ options: `-c role=${role}` })
    onTestFinished(async () => {
      await dropSchema(schema)
      await limited.end()
      const cleaner = openPool()
      await cleaner.query(`DROP ROLE "${role}"`)
      await cleaner.end()
    })
    await migrate({ pool: limited, schema })
    await postgresStore({ pool: limited, schema }).setup()
  })
})

describe('migrations, without a server', () => {
  it('a database that can not be reached is store_failed, without the address', async () => {
    const pool = openPool({ connectionString: 'postgres://user:secret@127.0.0.1:1/db' })
    const error = await postgresStore({ pool })
      .setup()
      .catch((reason: unknown) => reason)
    expect(isSignalboxError(error, 'store_failed')).toBe(true)
    expect(String(error)).not.toContain('secret')
    await pool.end()
  })

  it('refuses options that break a rule', () => {
    const pool = { query: async () => ({ rows: [] }), connect: async () => Promise.reject(new Error('no')) }
    const wrong = [
      [{}, 'pool'],
      [{ pool: {} }, 'pool'],
      [{ pool, schema: 'a"b' }, 'schema'],
      [{ pool, schema: '' }, 'schema'],
      [{ pool, migrate: 'yes' }, 'migrate'],
      [{ pool, listen: 1 }, 'listen'],
      [{ pool, lockTimeoutMs: 0 }, 'lockTimeoutMs'],
      [{ pool, lockTimeoutMs: 5000, statementTimeoutMs: 5000 }, 'statementTimeoutMs'],
      [{ pool, scheme: 'x' }, 'scheme'],
    ] as const
    for (const [options, field] of wrong) {
      expect(() => postgresStore(options as never)).toThrow(expect.objectContaining({ code: 'invalid_input', field }))
    }
    expect(() => migrations('a b')).toThrow(expect.objectContaining({ code: 'invalid_input', field: 'schema' }))
  })
})
