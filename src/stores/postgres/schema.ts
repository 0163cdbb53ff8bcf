import { createHash } from 'node:crypto'
import { invalidInput, SignalboxError } from '../../errors.ts'
import type { Query } from './access.ts'
import { FUNCTIONS } from './functions.ts'
import { int } from './values.ts'

/** A step of the schema, as the host's migration tool may run it. */
export interface PostgresMigration {
  /** 1 for the first. */
  readonly version: number
  /** Plain SQL of several statements, to be run in one transaction. It notes its version itself. */
  readonly sql: string
}

interface Step {
  readonly sql: string
  /** The oldest version whose code still runs after it. */
  readonly needs: number
}

/**
 * Ids are compared byte by byte. Every instant is a `bigint` of epoch milliseconds, every record `text` that holds JSON:
 * `jsonb` would sort the keys of metadata, and refuse what text can hold.
 *
 * - `lane`: one row a connection, small and hot, written by workers and by changes of the connection, never by
 *   `enqueue`. `ready_at`: when a claim should visit it, the earliest of `next_at` (pending work; -1: waits for a lease to
 *   end, under a cap of `asleep_cap`), `digest_at` and the end of a lease. `visit` orders its visits, `last_at` is the
 *   `now` of the last one. `leases`: `[[token, until, did, …], …]`. `revision`: 0 where there is no connection.
 *   `cursor_pos`, `cursor_did`: no delivery up to there waits, see `cursor.ts`. `edition`: each update has the next one.
 *   While a host's transaction is open, all that a lane has been since stays in its index: the last edition is the first
 *   that is met, and none of them has to be told apart from another lane of the same id, which `lane_name` excludes.
 * - `delivery`: `status` 0 live (pending, or sending where its lane has a lease on it), 1 delivered, 2 failed,
 *   3 cancelled. `pos`: its place in its lane; `due_at` is null where it is the same. `message_id` is null where it is
 *   its event's. `first`: its first attempt; `attempt` has the others. No foreign keys: to check one is to lock a row.
 * - `wake`: what `enqueue` leaves for the next claim. `xid`: the transaction that wrote it, by which a claim reads just
 *   those that became visible since it looked last.
 * - `kept_event`: which events a sealed digest needs.
 */
const FIRST = `
CREATE TABLE @.organisation (id text COLLATE "C" PRIMARY KEY, version text NOT NULL);
CREATE TABLE @.connection (
  id text COLLATE "C" PRIMARY KEY, org_id text COLLATE "C" NOT NULL, transport text NOT NULL, active smallint NOT NULL,
  unique_key text COLLATE "C", version integer NOT NULL, revision bigint NOT NULL, body text NOT NULL
);
CREATE INDEX connection_org ON @.connection (org_id, id);
CREATE UNIQUE INDEX connection_unique_key ON @.connection (org_id, unique_key) WHERE unique_key IS NOT NULL;
CREATE TABLE @.lane_name (id text COLLATE "C" PRIMARY KEY);
CREATE TABLE @.lane (
  id text COLLATE "C" NOT NULL, edition bigint NOT NULL DEFAULT 0, org_id text COLLATE "C" NOT NULL DEFAULT '', transport text NOT NULL DEFAULT '',
  revision bigint NOT NULL DEFAULT 0, version integer NOT NULL DEFAULT 0, ready_at bigint, visit bigint NOT NULL DEFAULT 0,
  last_at bigint NOT NULL DEFAULT 0, next_at bigint, asleep_cap integer, digest_at bigint, tokens double precision,
  tokens_at bigint NOT NULL DEFAULT 0, leases text, blocked_until bigint, health text NOT NULL DEFAULT '[0,null,null,null]',
  cursor_pos bigint, cursor_did bigint
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500,
  autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 5000);
CREATE UNIQUE INDEX lane_id ON @.lane (id, edition);
CREATE INDEX lane_ready ON @.lane (ready_at, visit, transport) WHERE ready_at IS NOT NULL;
CREATE SEQUENCE @.visit CACHE 1;
CREATE TABLE @.event (
  eid bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, org_id text COLLATE "C" NOT NULL, id text COLLATE "C" NOT NULL,
  accepted_at bigint NOT NULL, message_id text NOT NULL, body text NOT NULL
);
CREATE UNIQUE INDEX event_id ON @.event (org_id, id);
CREATE INDEX event_org ON @.event (org_id, accepted_at, id);
CREATE INDEX event_at ON @.event USING brin (accepted_at) WITH (pages_per_range = 32, autosummarize = on);
CREATE TABLE @.delivery (
  did bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, lane text COLLATE "C" NOT NULL, status smallint NOT NULL DEFAULT 0,
  pos bigint NOT NULL, due_at bigint, created_at bigint NOT NULL, eid bigint, org_id text COLLATE "C" NOT NULL,
  kind smallint NOT NULL, attempts integer NOT NULL DEFAULT 0, rounds integer NOT NULL DEFAULT 0,
  lost integer NOT NULL DEFAULT 0, finished_at bigint, http integer, id text COLLATE "C" NOT NULL, message_id text,
  code text, failure text, receipt text, content text, first text
) WITH (autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_insert_scale_factor = 0.1,
  autovacuum_analyze_scale_factor = 0.02);
CREATE UNIQUE INDEX delivery_id ON @.delivery (id);
CREATE INDEX delivery_live ON @.delivery (lane, pos, did) WHERE status = 0;
CREATE INDEX delivery_org ON @.delivery (org_id, created_at, lane);
CREATE INDEX delivery_failed ON @.delivery (lane, created_at) WHERE status = 2;
CREATE INDEX delivery_event ON @.delivery (eid) WHERE eid IS NOT NULL;
CREATE INDEX delivery_at ON @.delivery USING brin (created_at) WITH (pages_per_range = 32, autosummarize = on);
CREATE TABLE @.attempt (did bigint NOT NULL, number integer NOT NULL, body text NOT NULL, PRIMARY KEY (did, number));
CREATE TABLE @.digest_member (
  lane text COLLATE "C" NOT NULL, key text COLLATE "C" NOT NULL, eid bigint NOT NULL, event_id text COLLATE "C" NOT NULL,
  at bigint NOT NULL, closes_at bigint NOT NULL, must_close_at bigint NOT NULL, max_items integer NOT NULL,
  keep text NOT NULL, PRIMARY KEY (lane, key, eid)
) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000);
CREATE INDEX digest_member_event ON @.digest_member (eid);
CREATE TABLE @.kept_event (eid bigint NOT NULL, did bigint NOT NULL, PRIMARY KEY (did, eid));
CREATE INDEX kept_event_event ON @.kept_event (eid);
CREATE TABLE @.wake (
  xid bigint NOT NULL DEFAULT (pg_current_xact_id()::text::bigint), lane text COLLATE "C" NOT NULL, at bigint NOT NULL,
  digest smallint NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500,
  autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 20000);
CREATE INDEX wake_xid ON @.wake (xid);
CREATE TABLE @.entry (
  key text COLLATE "C" PRIMARY KEY, value text NOT NULL, version text NOT NULL, expires_at bigint
);
CREATE INDEX entry_expiry ON @.entry (expires_at) WHERE expires_at IS NOT NULL;`

/** Expand first: a step adds, so that the code of the version before still runs beside it. */
const STEPS: readonly Step[] = [{ sql: FIRST + FUNCTIONS, needs: 1 }]

/** The first PostgreSQL with 64-bit transaction ids. */
const OLDEST_SERVER = 130000

/** @throws `invalid_input` */
export function checkSchemaName(schema: unknown): asserts schema is string {
  if (typeof schema === 'string' && /^[A-Za-z_][A-Za-z0-9_]{0,47}$/.test(schema)) return
  throw invalidInput('schema', 'must be 1 to 48 letters, digits and underscores that begin with no digit')
}

/**
 * The steps that make and change the tables, for a migration tool of the host: run those that are new, in order, each in
 * a transaction.
 *
 * @param schema where the tables live. @default 'signalbox'
 * @throws `invalid_input`
 * @example
 * for (const { version, sql } of migrations()) await writeFile(`migrations/signalbox-${version}.sql`, sql)
 */
export function migrations(schema = 'signalbox'): readonly PostgresMigration[] {
  checkSchemaName(schema)
  return STEPS.map((step, index) => ({ version: index + 1, sql: stepSql(schema, step, index + 1) }))
}

function stepSql(schema: string, { sql, needs }: Step, version: number): string {
  // to ask for a schema that is there already takes a right that a host may not have given
  const begin = `DO $$ BEGIN
  IF NOT EXISTS (SELECT 1 FROM pg_namespace WHERE nspname = '${schema}') THEN CREATE SCHEMA "${schema}"; END IF;
END $$;
CREATE TABLE @.schema_version (version integer NOT NULL, needs integer NOT NULL);
INSERT INTO @.schema_version (version, needs) VALUES (0, 0);`
  const end = `UPDATE @.schema_version SET version = ${version}, needs = greatest(needs, ${needs});`
  return `${version === 1 ? begin : ''}${sql}\n${end}\n`.replaceAll('@.', `"${schema}".`)
}

/** A number of this schema for advisory locks. */
export function lockKey(schema: string, purpose: string): number {
  return createHash('sha256').update(`signalbox ${purpose} ${schema}`).digest().readInt32BE(0)
}

/** Runs the steps that are new, inside the caller's transaction: of several processes that start at once one migrates. */
export async function migrateWith(query: Query, schema: string): Promise<void> {
  await query('SELECT pg_advisory_xact_lock($1::text::bigint) IS NULL AS locked', [String(lockKey(schema, 'migrate'))])
  const { version, needs } = await versionOf(query, schema)
  if (needs > STEPS.length) throw newer(schema, version, needs)
  for (const step of migrations(schema).slice(version)) {
    for (const statement of statementsOf(step.sql)) await query(statement)
  }
}

/** One by one: not every driver takes several at once. */
function statementsOf(sql: string): readonly string[] {
  const quoted = sql.split('$$')
  const marked = quoted.map((part, index) => (index % 2 === 0 ? part.replaceAll(';\n', '\u0000') : part))
  return marked
    .join('$$')
    .split('\u0000')
    .filter((statement) => statement.trim() !== '')
}

/**
 * Refuses a schema that this version can't work with.
 *
 * @throws `schema_outdated` with the call to make; `store_failed` for a server that is too old.
 */
export async function checkSchema(query: Query, schema: string): Promise<void> {
  const [server] = await query("SELECT current_setting('server_version_num')::int AS number")
  if (int(server?.number) < OLDEST_SERVER) {
    throw new SignalboxError('store_failed', 'postgresStore: needs PostgreSQL 13 or newer')
  }
  const { version, needs } = await versionOf(query, schema)
  if (needs > STEPS.length) throw newer(schema, version, needs)
  if (version >= STEPS.length) return
  const option = schema === 'signalbox' ? '' : `, schema: '${schema}'`
  const state = version === 0 ? 'is not there' : `has version ${version}, this signalbox needs ${STEPS.length}`
  throw new SignalboxError(
    'schema_outdated',
    `postgresStore: the schema "${schema}" ${state}. Call \`await migrate({ pool${option} })\` from ` +
      "'signalbox/stores/postgres' when you deploy, or run the SQL of `migrations()` with your migration tool, or give " +
      "the store `migrate: 'auto'`.",
  )
}

async function versionOf(query: Query, schema: string): Promise<{ version: number; needs: number }> {
  // also where the search path or the rights of this role hide it: then there is nothing to work with
  const [there] = await query('SELECT to_regclass($1::text)::text AS name', [`"${schema}".schema_version`])
  if (typeof there?.name !== 'string') return { version: 0, needs: 0 }
  const [row] = await query('SELECT version, needs FROM @.schema_version')
  return { version: int(row?.version ?? 0), needs: int(row?.needs ?? 0) }
}

function newer(schema: string, version: number, needs: number): SignalboxError {
  return new SignalboxError(
    'schema_outdated',
    `postgresStore: the schema "${schema}" has version ${version}, made by a newer signalbox; this version knows ` +
      `${STEPS.length} and would have to know at least ${needs}. Update signalbox in this process.`,
  )
}
