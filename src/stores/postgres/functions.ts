import { BEGINNING } from './cursor.ts'

/**
 * The statements of every dispatch, claim and settle, as functions of the schema: the server plans each once for a
 * session, not at every call, which would cost more than to run it, and they need no prepared statements, which a
 * transaction-mode pooler can't keep. Each statement inside has a snapshot of its own, as if it was sent alone.
 *
 * The plans know no values and few statistics, so the settings leave the planner no way but the keys, in their order: a
 * lane that looks small may have a million rows.
 */
const PLANNED = 'LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan SET jit = off SET enable_seqscan = off'
const BODY = `
AS $$
#variable_conflict use_column
`
const BEGIN = `${PLANNED} SET enable_hashjoin = off SET enable_mergejoin = off SET enable_bitmapscan = off${BODY}`
/** Joins the rows of a batch with each other. */
const BEGIN_BATCH = `${PLANNED}${BODY}`
const END = '\nEND $$;'

/** A locked lane, as `toLane` reads it: where its row is, and the row. */
const LANE_ROW = 'place text, l @.lane'

/**
 * Inserts, and locks nothing that exists. `patience`: how long it may wait for another transaction that inserts the
 * same, or null. `orgs`, `versions`: the subscriptions that must hold, or null; where they don't, it answers a row of
 * nothing, and writes nothing. Equal ids are always met in one order, so that two batches do not wait for each other; deliveries keep
 * the order that they have, which is that of their keys. `f`: the event is one of this batch, and decides.
 */
const EVENTS = `e AS (
    INSERT INTO @.event (org_id, id, accepted_at, message_id, body)
    SELECT x.o, x.i, x.a, x.m, x.b
    FROM json_to_recordset(events::json) AS x(o text, i text, a bigint, m text, b text)
    ORDER BY x.o COLLATE "C", x.i COLLATE "C"
    ON CONFLICT (org_id, id) DO NOTHING RETURNING eid, org_id, id
  )`
const KEY_OF_EVENT = `LEFT JOIN e ON x.f = 1 AND e.org_id = x.o AND e.id = x.e
    CROSS JOIN LATERAL (
      SELECT CASE x.f WHEN 1 THEN e.eid ELSE (SELECT s.eid FROM @.event s WHERE s.org_id = x.o AND s.id = x.e) END AS eid
    ) k`
const DELIVERIES = `d AS (
    INSERT INTO @.delivery (lane, org_id, eid, pos, created_at, kind, id, message_id, content)
    SELECT x.l, x.o, k.eid, x.p, x.c, x.k, x.i, x.m, CASE WHEN k.eid IS NULL AND x.e IS NOT NULL THEN x.x END
    FROM json_to_recordset(deliveries::json)
      AS x(l text, o text, e text, f integer, p bigint, c bigint, k smallint, i text, m text, x text)
    ${KEY_OF_EVENT}
    WHERE x.f = 0 OR e.eid IS NOT NULL
    ON CONFLICT (id) DO NOTHING RETURNING lane, pos
  )`
const MEMBERS = `c AS (
    INSERT INTO @.digest_member (lane, key, eid, event_id, at, closes_at, must_close_at, max_items, keep)
    SELECT x.l, x.k, k.eid, x.e, x.at, x.c, x.u, x.n, x.w
    FROM json_to_recordset(members::json)
      AS x(l text, k text, o text, e text, f integer, at bigint, c bigint, u bigint, n integer, w text)
    ${KEY_OF_EVENT}
    WHERE k.eid IS NOT NULL ORDER BY x.l COLLATE "C", x.k COLLATE "C", k.eid
    ON CONFLICT DO NOTHING RETURNING lane, closes_at, must_close_at
  )`
const WAKES = `INSERT INTO @.wake (lane, at, digest) SELECT lane, min(pos), 0 FROM d GROUP BY lane`
const ENQUEUE = `
CREATE FUNCTION @.enqueue(events text, deliveries text, members text, patience text, orgs text[], versions text[])
RETURNS TABLE (eid bigint, org text, id text) ${BEGIN_BATCH}BEGIN
  IF orgs IS NOT NULL AND EXISTS (
    SELECT FROM unnest(orgs, versions) AS x(o, v)
    WHERE x.v IS DISTINCT FROM coalesce((SELECT s.version FROM @.organisation s WHERE s.id = x.o), '0')
  ) THEN
    RETURN QUERY SELECT 0::bigint, NULL::text, NULL::text;
    RETURN;
  END IF;
  IF patience IS NOT NULL THEN PERFORM set_config('lock_timeout', patience, true); END IF;
  IF members = '[]' THEN
    RETURN QUERY WITH ${EVENTS}, ${DELIVERIES}, w AS (${WAKES}) SELECT eid, org_id, id FROM e;
  ELSE
    RETURN QUERY WITH ${EVENTS}, ${DELIVERIES}, ${MEMBERS}, w AS (
      ${WAKES}
      UNION ALL SELECT lane, min(least(closes_at, must_close_at)), 1 FROM c GROUP BY lane
    ) SELECT eid, org_id, id FROM e;
  END IF;${END}`

/** Of a lane that `x.id` names. Its last edition is the only one that is there, and is met before what it has been. */
const LAST_EDITION = `
      SELECT l.ctid::text AS place, l FROM @.lane l WHERE l.id = x.id
      ORDER BY l.edition DESC LIMIT 1 FOR NO KEY UPDATE OF l`
/** Always in the order of ids, so that no two transactions wait for each other. */
const LOCK_LANES = `
CREATE FUNCTION @.lock_lanes(ids text[]) RETURNS TABLE (${LANE_ROW}) ${BEGIN}DECLARE
  sorted text[] := ARRAY(SELECT x.id FROM unnest(ids) AS x(id) ORDER BY x.id COLLATE "C");
BEGIN
  RETURN QUERY SELECT r.place, r.l FROM unnest(sorted) AS x(id) CROSS JOIN LATERAL (${LAST_EDITION}
    ) r;${END}`

const CREATE_LANES = `
CREATE FUNCTION @.create_lanes(ids text[]) RETURNS void ${BEGIN}BEGIN
  WITH made AS (
    INSERT INTO @.lane_name (id) SELECT x.id FROM unnest(ids) AS x(id) ORDER BY x.id COLLATE "C"
    ON CONFLICT (id) DO NOTHING RETURNING id
  ) INSERT INTO @.lane (id) SELECT id FROM made;${END}`

/** Locks lanes that are ready and that no other transaction has locked, the first ones first. */
const READY_LANES = `
CREATE FUNCTION @.ready_lanes(since bigint, until bigint, transports text[], held text[], most integer)
RETURNS TABLE (${LANE_ROW}) ${BEGIN}BEGIN
  RETURN QUERY SELECT l.ctid::text, l FROM @.lane l
    WHERE l.ready_at >= since AND l.ready_at <= until AND l.transport = ANY(transports) AND l.id <> ALL(held)
    ORDER BY l.ready_at, l.visit LIMIT most FOR NO KEY UPDATE OF l SKIP LOCKED;${END}`

const ALL_WAKES = 'SELECT ctid FROM @.wake WHERE xid >= 0'
const NEW_WAKES = `
        SELECT ctid FROM @.wake WHERE xid >= seen_to UNION ALL SELECT ctid FROM @.wake WHERE xid = ANY(running)`
const taken = (wakes: string): string => `
    WITH gone AS (
      DELETE FROM @.wake WHERE ctid = ANY(ARRAY(${wakes} LIMIT most_wakes)) RETURNING lane, at, digest
    ), grouped AS (
      SELECT lane, min(at) FILTER (WHERE digest = 0) AS at, min(at) FILTER (WHERE digest = 1) AS digest_at, count(*) AS n
      FROM gone GROUP BY lane
    )
    SELECT coalesce(array_agg(lane ORDER BY lane), '{}'), array_agg(at ORDER BY lane),
      array_agg(digest_at ORDER BY lane), coalesce(sum(n), 0), pg_current_snapshot()::text
    INTO woken, times, ends, count, seen FROM grouped;`
/** Of a delivery that waits. */
export const WAITING_COLUMNS = `
  d.did, d.id, d.org_id, d.eid, d.kind, d.pos, coalesce(d.due_at, d.pos) AS due, d.created_at, d.attempts, d.rounds, d.http,
  d.message_id, d.code, d.content`
/** Where the reading of a lane `e` begins once a wake `x.at` has lowered its cursor: see cursor.ts. */
const CURSOR_POS = `CASE WHEN e.cursor_pos IS NULL THEN ${BEGINNING.pos} ELSE least(e.cursor_pos, x.at) END`
const CURSOR_DID = 'CASE WHEN e.cursor_pos IS NULL OR x.at <= e.cursor_pos THEN 0 ELSE e.cursor_did END'
/**
 * How a claim begins: takes the wakes, if nobody else does, locks their lanes, making those that are not there, then
 * lanes that are ready. The last row has no lane, but tells of the whole: `mine`: whether the wakes were this claim's;
 * `taken`: how many; `snapshot`: what they were read by; `turn`: greater than that of any claim before; `whole`:
 * whether the ready ones were looked for from the beginning; `next`: where few lanes were woken, the first `ahead`
 * deliveries of each that has no leases, as `waiting` has them (a statement later, for the snapshot's sake), so that an
 * event that comes alone needs no other. `running` is null where all wakes are to be looked at.
 */
const MAX_LANES_AHEAD = 4
const LOOK = `
CREATE FUNCTION @.look(lock bigint, most_wakes integer, seen_to bigint, running bigint[], since bigint, until bigint,
  transports text[], most integer, ahead integer)
RETURNS TABLE (mine integer, turn bigint, snapshot text, taken bigint, whole integer, next text, wake_at bigint,
  end_at bigint, ${LANE_ROW}) ${BEGIN}DECLARE
  is_mine boolean := pg_try_advisory_xact_lock(lock);
  woken text[] := '{}';
  times bigint[];
  ends bigint[];
  count bigint := 0;
  seen text;
  missing text[];
  found_lanes integer;
  looked_since bigint := since;
  waiting text;
BEGIN
  IF is_mine AND running IS NULL THEN${taken(ALL_WAKES)}
  ELSIF is_mine THEN${taken(NEW_WAKES)}
  END IF;
  IF cardinality(woken) > 0 THEN
    SELECT array_agg(x.id) INTO missing
    FROM unnest(woken) AS x(id) WHERE NOT EXISTS (SELECT FROM @.lane_name n WHERE n.id = x.id);
    IF missing IS NOT NULL THEN PERFORM @.create_lanes(missing); END IF;
    RETURN QUERY SELECT NULL::integer, NULL::bigint, NULL::text, NULL::bigint, NULL::integer, NULL::text, x.at,
        x.digest_at, r.place, r.l
      FROM unnest(woken, times, ends) AS x(id, at, digest_at) CROSS JOIN LATERAL (${LAST_EDITION}
      ) r;
    GET DIAGNOSTICS found_lanes = ROW_COUNT;
    IF found_lanes < cardinality(woken) THEN
      RAISE EXCEPTION 'a lane was removed meanwhile' USING ERRCODE = 'serialization_failure';
    END IF;
  END IF;
  LOOP
    RETURN QUERY SELECT NULL::integer, NULL::bigint, NULL::text, NULL::bigint, NULL::integer, NULL::text,
        NULL::bigint, NULL::bigint, r.place, r.l
      FROM @.ready_lanes(looked_since, until, transports, woken, most) r;
    EXIT WHEN FOUND OR looked_since = 0;
    looked_since := 0;
  END LOOP;
  IF cardinality(woken) BETWEEN 1 AND ${MAX_LANES_AHEAD} THEN
    SELECT json_agg(w) INTO waiting FROM (
      SELECT l.id AS lane, d.*
      FROM unnest(woken, times) AS x(id, at)
      CROSS JOIN LATERAL (
        SELECT e.id, e.leases, ${CURSOR_POS} AS cp, ${CURSOR_DID} AS cd
        FROM @.lane e WHERE e.id = x.id ORDER BY e.edition DESC LIMIT 1
      ) l
      CROSS JOIN LATERAL (
        SELECT ${WAITING_COLUMNS} FROM @.delivery d
        WHERE d.lane = l.id AND d.status = 0 AND (d.pos, d.did) > (l.cp, l.cd)
        ORDER BY d.pos, d.did LIMIT ahead
      ) d WHERE l.leases IS NULL
    ) w;
  END IF;
  RETURN QUERY SELECT is_mine::integer, nextval('@.visit'), seen, count, (looked_since = 0)::integer,
    coalesce(waiting, '[]'), NULL::bigint, NULL::bigint, NULL::text, NULL::@.lane;${END}`

/**
 * The next deliveries of locked lanes, in order, after their cursors, but for those that are leased. To be called after
 * the lanes were locked: an older snapshot would show what has been settled since.
 */
const WAITING = `
CREATE FUNCTION @.waiting(lanes text)
RETURNS TABLE (lane text, did bigint, id text, org_id text, eid bigint, kind smallint, pos bigint, due bigint,
  created_at bigint, attempts integer, rounds integer, http integer, message_id text, code text, content text) ${BEGIN}BEGIN
  RETURN QUERY SELECT x.l, d.*
    FROM json_to_recordset(lanes::json) AS x(l text, n integer, s bigint[], p bigint, d bigint)
    CROSS JOIN LATERAL (
      SELECT ${WAITING_COLUMNS} FROM @.delivery d
      WHERE d.lane = x.l AND d.status = 0 AND (d.pos, d.did) > (x.p, x.d) AND d.did <> ALL(x.s)
      ORDER BY d.pos, d.did LIMIT x.n
    ) d;${END}`

/**
 * Puts locked lanes back. Their rows are still where they were when they were locked; an index would lead past all that
 * they have been since the oldest transaction began.
 */
const UPDATE_LANES = `
  UPDATE @.lane l
  SET edition = l.edition + 1, org_id = x.o, transport = x.tr, revision = x.rv, version = x.vn, ready_at = x.r, visit = x.v, last_at = x.la,
    next_at = x.n, asleep_cap = x.c, digest_at = x.d, tokens = x.t, tokens_at = x.ta, leases = x.l, blocked_until = x.b,
    health = x.h, cursor_pos = x.cp, cursor_did = x.cd
  FROM json_to_recordset(lanes::json) AS x(i text, pl tid, o text, tr text, rv bigint, vn integer, r bigint, v bigint,
    la bigint, n bigint, c integer, d bigint, t double precision, ta bigint, l text, b bigint, h text, cp bigint, cd bigint)`
const STORE_LANES = `
CREATE FUNCTION @.store_lanes(lanes text, count integer) RETURNS void ${BEGIN}DECLARE
  stored integer;
BEGIN
  ${UPDATE_LANES}
  -- an expression, which the index of ids has not
  WHERE l.ctid = x.pl AND l.id || '' = x.i;
  GET DIAGNOSTICS stored = ROW_COUNT;
  IF stored < count THEN
    ${UPDATE_LANES}
    WHERE l.id = x.i;
  END IF;${END}`

/** How a claim ends. Answers when the next lane is ready, as far as it can be seen from `since` on. */
const STORE_CLAIM = `
CREATE FUNCTION @.store_claim(lanes text, count integer, since bigint, transports text[]) RETURNS bigint ${BEGIN}BEGIN
  IF count > 0 THEN PERFORM @.store_lanes(lanes, count); END IF;
  RETURN (
    SELECT ready_at FROM @.lane WHERE ready_at >= since AND transport = ANY(transports) ORDER BY ready_at LIMIT 1
  );${END}`

/**
 * Deliveries are written after their lanes were locked, and before the lanes are let go. Answers those that are not there
 * any more. Arrays, as to read JSON would take longer than to write the rows.
 */
const SETTLE = `
CREATE FUNCTION @.settle(lanes text, count integer, attempts text, dids bigint[], states smallint[], due bigint[],
  fifo integer[], exchanges integer[], ended bigint[], codes text[], https integer[], failures text[], receipts text[],
  firsts text[])
RETURNS SETOF bigint ${BEGIN}DECLARE
  written bigint[];
BEGIN
  PERFORM @.store_lanes(lanes, count);
  IF attempts IS NOT NULL THEN
    INSERT INTO @.attempt (did, number, body)
    SELECT x.d, x.n, x.b FROM json_to_recordset(attempts::json) AS x(d bigint, n integer, b text)
    ON CONFLICT (did, number) DO UPDATE SET body = excluded.body;
  END IF;
  WITH settled AS (
    UPDATE @.delivery d
    SET status = x.s, pos = CASE WHEN x.u IS NULL OR x.q = 1 THEN d.pos ELSE x.u END,
      due_at = CASE WHEN x.u IS NULL THEN d.due_at WHEN x.q = 1 THEN x.u END,
      attempts = d.attempts + x.a, rounds = d.rounds + CASE WHEN x.u IS NOT NULL AND x.a > 0 THEN 1 ELSE 0 END, lost = 0,
      finished_at = x.e, code = x.c, http = x.h, failure = x.f, receipt = x.r, first = coalesce(x.b, d.first)
    FROM unnest(dids, states, due, fifo, exchanges, ended, codes, https, failures, receipts, firsts)
      AS x(d, s, u, q, a, e, c, h, f, r, b)
    WHERE d.did = x.d AND d.status < 1 RETURNING d.did
  ) SELECT array_agg(did) INTO written FROM settled;
  IF cardinality(written) IS DISTINCT FROM cardinality(dids) THEN
    RETURN QUERY SELECT d FROM unnest(dids) AS x(d) WHERE d <> ALL(coalesce(written, '{}'));
  END IF;${END}`

/**
 * Set and version of one statement, so of one snapshot. A connection is only answered where the version is another one
 * than `since`.
 */
const SUBSCRIBED = `
CREATE FUNCTION @.subscribed(org text, since text) RETURNS TABLE (version text, body text) ${BEGIN}BEGIN
  RETURN QUERY SELECT v.version, c.body
    FROM (SELECT coalesce((SELECT o.version FROM @.organisation o WHERE o.id = org), '0') AS version) v
    LEFT JOIN @.connection c ON c.org_id = org AND c.active = 1 AND v.version IS DISTINCT FROM since
    ORDER BY c.id;${END}`

/** SQL that makes them all, in an order in which each finds what it calls. */
export const FUNCTIONS: string = [
  ENQUEUE,
  LOCK_LANES,
  CREATE_LANES,
  READY_LANES,
  LOOK,
  WAITING,
  STORE_LANES,
  STORE_CLAIM,
  SETTLE,
  SUBSCRIBED,
].join('')
