import { SignalboxError } from '../../errors.ts'
import { int, type Session } from './driver.ts'

/** A step of the schema. `needs`: the oldest schema version whose code still runs after it. */
export interface Migration {
  readonly sql: string
  readonly needs: number
}

/**
 * Every name starts with `signalbox_`: the file may be the host's own. Organisations, connections, transports, events
 * and deliveries have integer keys inside, which keeps indexes small: what a delivery costs is mostly the pages that
 * its rows and index entries touch.
 *
 * - `_lane`: one row a connection, small and hot. `due`: when a claim should visit it: the earliest of `next_at`
 *   (pending work; -1: waits for a lease to end), `digest_at` and the end of a lease. `visit`: number of its last visit,
 *   `last_at`: the `now` of that visit. `leases`: JSON, `[[token, until, did, …], …]`.
 * - `_state`: one row. `visit`, `clock`: number and `now` of the last visit; `generation`: grows with each purge;
 *   `asleep_cap`: the smallest `perConnection` that has put a lane to sleep.
 * - `_delivery`: `status` 0 live (pending, or sending where its lane has a lease on it), 1 delivered, 2 failed,
 *   3 cancelled. `pos`: its place in its lane; `due_at` is null where it is the same. `message_id` is null where it is
 *   its event's. `first`: its first attempt; `_attempt` has the others.
 * - `_kept`: which events a sealed digest needs.
 */
const FIRST = `
CREATE TABLE signalbox_state (
  id INTEGER PRIMARY KEY, visit INTEGER NOT NULL, clock INTEGER NOT NULL, generation INTEGER NOT NULL, asleep_cap INTEGER
);
INSERT INTO signalbox_state VALUES (1, 0, 0, 0, NULL);
CREATE TABLE signalbox_org (oid INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, version TEXT NOT NULL);
CREATE TABLE signalbox_transport (tid INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE signalbox_name (lid INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE);
CREATE TABLE signalbox_connection (
  lid INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, oid INTEGER NOT NULL, transport TEXT NOT NULL,
  active INTEGER NOT NULL, unique_key TEXT, version INTEGER NOT NULL, revision INTEGER NOT NULL, body TEXT NOT NULL
);
CREATE INDEX signalbox_connection_org ON signalbox_connection (oid, id);
CREATE UNIQUE INDEX signalbox_connection_key ON signalbox_connection (oid, unique_key) WHERE unique_key IS NOT NULL;
CREATE TABLE signalbox_lane (
  lid INTEGER PRIMARY KEY, tid INTEGER NOT NULL DEFAULT 0, due INTEGER, visit INTEGER NOT NULL DEFAULT 0,
  last_at INTEGER NOT NULL DEFAULT 0, next_at INTEGER, digest_at INTEGER, tokens REAL, tokens_at INTEGER, leases TEXT
);
CREATE INDEX signalbox_lane_due ON signalbox_lane (due, visit, tid) WHERE due IS NOT NULL;
CREATE TABLE signalbox_health (lid INTEGER PRIMARY KEY, blocked_until INTEGER, body TEXT NOT NULL);
CREATE TABLE signalbox_event (
  eid INTEGER PRIMARY KEY, oid INTEGER NOT NULL, accepted_at INTEGER NOT NULL, id TEXT NOT NULL, body TEXT NOT NULL
);
CREATE UNIQUE INDEX signalbox_event_id ON signalbox_event (oid, id);
CREATE INDEX signalbox_event_at ON signalbox_event (oid, accepted_at);
CREATE TABLE signalbox_delivery (
  did INTEGER PRIMARY KEY, status INTEGER NOT NULL, lid INTEGER NOT NULL, oid INTEGER NOT NULL, eid INTEGER,
  pos INTEGER NOT NULL, due_at INTEGER, created_at INTEGER NOT NULL, attempts INTEGER NOT NULL DEFAULT 0,
  rounds INTEGER NOT NULL DEFAULT 0, lost INTEGER NOT NULL DEFAULT 0, finished_at INTEGER, http INTEGER,
  kind INTEGER NOT NULL, id TEXT NOT NULL, message_id TEXT, code TEXT, failure TEXT, receipt TEXT, content TEXT, first TEXT
);
CREATE UNIQUE INDEX signalbox_delivery_id ON signalbox_delivery (id);
CREATE INDEX signalbox_delivery_lane ON signalbox_delivery (lid, pos) WHERE status = 0;
CREATE INDEX signalbox_delivery_at ON signalbox_delivery (oid, created_at, lid);
CREATE INDEX signalbox_delivery_event ON signalbox_delivery (eid) WHERE eid IS NOT NULL;
CREATE INDEX signalbox_delivery_failed ON signalbox_delivery (lid, created_at) WHERE status = 2;
CREATE TABLE signalbox_attempt (
  did INTEGER NOT NULL, number INTEGER NOT NULL, body TEXT NOT NULL, PRIMARY KEY (did, number)
) WITHOUT ROWID;
CREATE TABLE signalbox_member (
  lid INTEGER NOT NULL, key TEXT NOT NULL, eid INTEGER NOT NULL, at INTEGER NOT NULL, closes_at INTEGER NOT NULL,
  must_close_at INTEGER NOT NULL, max_items INTEGER NOT NULL, keep TEXT NOT NULL, PRIMARY KEY (lid, key, eid)
) WITHOUT ROWID;
CREATE INDEX signalbox_member_event ON signalbox_member (eid);
CREATE TABLE signalbox_kept (eid INTEGER NOT NULL, did INTEGER NOT NULL, PRIMARY KEY (eid, did)) WITHOUT ROWID;
CREATE INDEX signalbox_kept_delivery ON signalbox_kept (did);
CREATE TABLE signalbox_key (
  key TEXT PRIMARY KEY, value TEXT NOT NULL, version TEXT NOT NULL, expires_at INTEGER
) WITHOUT ROWID;
CREATE INDEX signalbox_key_expiry ON signalbox_key (expires_at) WHERE expires_at IS NOT NULL;
`

/** Expand first: a step adds, so that the code of the version before still runs beside it. */
export const MIGRATIONS: readonly Migration[] = [{ sql: FIRST, needs: 1 }]

/**
 * Brings the schema up to date, inside the caller's exclusive transaction: of several processes that start at once one
 * migrates, the others find it done.
 *
 * @throws `schema_outdated` when a newer version has made the file unreadable for this one.
 */
export function migrate(session: Session, migrations: readonly Migration[] = MIGRATIONS): void {
  session.exec('CREATE TABLE IF NOT EXISTS signalbox_schema (version INTEGER NOT NULL, needs INTEGER NOT NULL)')
  const row = session.get('SELECT version, needs FROM signalbox_schema')
  const version = row ? int(row[0]) : 0
  const needs = row ? int(row[1]) : 0
  if (needs > migrations.length) {
    throw new SignalboxError(
      'schema_outdated',
      `sqliteStore: the file has schema ${version}, made by a newer signalbox; this version knows ${migrations.length} ` +
        `and would have to know at least ${needs}. Update signalbox in this process.`,
    )
  }
  const ahead = migrations.slice(version)
  if (ahead.length === 0) return
  for (const step of ahead) session.exec(step.sql)
  session.run('DELETE FROM signalbox_schema')
  const oldest = ahead.reduce((most, step) => Math.max(most, step.needs), needs)
  session.run('INSERT INTO signalbox_schema (version, needs) VALUES (?, ?)', migrations.length, oldest)
}
