import { derivedDigestPart } from '../../records/digest-id.ts'
import { wakeLane } from '../../records/lane-times.ts'
import type { Query } from './access.ts'
import { lowerCursor } from './cursor.ts'
import type { LaneState } from './lane.ts'
import { int, maybeInt, text } from './values.ts'

/** So many of one lane are sealed at one visit; the rest at the next. */
const SEALED_PER_VISIT = 64

const OPEN = `
SELECT lane, key, least(max(closes_at), min(must_close_at)) AS closes
FROM @.digest_member WHERE lane = ANY(ARRAY(SELECT json_array_elements_text($1::text::json)))
GROUP BY lane, key ORDER BY lane, closes`

/** Seals the digests of locked lanes that are due. A lane's `digestAt` becomes the next one's end. */
export async function sealDue(query: Query, lanes: readonly LaneState[], now: number): Promise<void> {
  const due = new Map(
    lanes.filter(({ digestAt }) => digestAt !== null && digestAt <= now).map((lane) => [lane.id, lane]),
  )
  if (due.size === 0) return
  const sealed = new Map<string, number>()
  const wanted: Digest[] = []
  for (const lane of due.values()) lane.digestAt = null
  for (const row of await query(OPEN, [JSON.stringify([...due.keys()])])) {
    const lane = due.get(text(row.lane))
    if (!lane || lane.digestAt !== null) continue
    const closes = int(row.closes)
    const count = sealed.get(lane.id) ?? 0
    if (closes > now || count === SEALED_PER_VISIT) {
      lane.digestAt = Math.max(closes, lane.lastAt)
      continue
    }
    sealed.set(lane.id, count + 1)
    wanted.push({ lane, key: text(row.key) })
    // its delivery waits, also where the claim has no room for it
    wakeLane(lane, now)
  }
  await seal(query, wanted, now, null)
}

interface Digest {
  /** Locked, with a connection. */
  readonly lane: LaneState
  readonly key: string
}

/**
 * One statement takes the members away and tells what they were: what commits later belongs to the next generation. Of
 * the members that are not kept only the first is answered, from which the ids derive.
 */
const TAKE = `
WITH gone AS (
  DELETE FROM @.digest_member m USING json_to_recordset($1::text::json) AS x(l text, k text)
  WHERE m.lane = x.l AND m.key = x.k
  RETURNING m.lane, m.key, m.eid, m.event_id, m.at, m.closes_at, m.must_close_at, m.max_items, m.keep
), numbered AS (
  SELECT lane, key, eid, event_id, row_number() OVER ordered AS n, count(*) OVER digest AS total,
    least(max(closes_at) OVER digest, min(must_close_at) OVER digest) AS closes,
    last_value(max_items) OVER ordered AS most, last_value(keep) OVER ordered AS keep
  FROM gone
  WINDOW digest AS (PARTITION BY lane, key), ordered AS (
    PARTITION BY lane, key ORDER BY at, event_id ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
  )
)
SELECT lane, key, eid, event_id, n, total, closes, (CASE keep WHEN 'last' THEN n > total - most ELSE n <= most END)::int AS kept
FROM numbered
WHERE n = 1 OR CASE keep WHEN 'last' THEN n > total - most ELSE n <= most END
ORDER BY lane, key, n`

const INSERT = `
INSERT INTO @.delivery (lane, org_id, pos, created_at, kind, id, message_id, content)
SELECT x.l, x.o, x.at, x.at, 1, x.i, x.m, x.c
FROM json_to_recordset($1::text::json) AS x(l text, o text, at bigint, i text, m text, c text)
ON CONFLICT (id) DO NOTHING RETURNING did, id`
const KEPT = `
INSERT INTO @.kept_event (eid, did)
SELECT x.e, x.d FROM json_to_recordset($1::text::json) AS x(e bigint, d bigint)`

/** What was taken away of one digest. */
interface Taken {
  readonly digest: Digest
  readonly first: string
  readonly total: number
  readonly closedAt: number
  readonly kept: { readonly eid: number; readonly id: string }[]
}

/** Answers the ids of the deliveries. `closesBy`: the end of those that are closed before their time. */
export async function seal(
  query: Query,
  digests: readonly Digest[],
  now: number,
  closesBy: number | null,
): Promise<readonly string[]> {
  if (digests.length === 0) return []
  const wanted = digests.map(({ lane, key }) => ({ l: lane.id, k: key }))
  const byKey = new Map(digests.map((digest) => [keyOf(digest.lane.id, digest.key), digest]))
  const taken = new Map<Digest, Taken>()
  for (const row of await query(TAKE, [JSON.stringify(wanted)])) {
    const digest = byKey.get(keyOf(text(row.lane), text(row.key)))
    if (!digest) continue
    const one = taken.get(digest) ?? {
      digest,
      first: text(row.event_id),
      total: int(row.total),
      closedAt: Math.min(int(row.closes), closesBy ?? Number.POSITIVE_INFINITY),
      kept: [],
    }
    if (int(row.kept) === 1) one.kept.push({ eid: int(row.eid), id: text(row.event_id) })
    taken.set(digest, one)
  }

  const ids: string[] = []
  // the same first event can begin a later digest of its key only if it is collected again: then the id is taken
  let left = [...taken.values()]
  for (let generation = 0; left.length > 0; generation++) {
    for (const { digest } of left) lowerCursor(digest.lane, now)
    const rows = left.map((one) => toRow(one, now, generation))
    const inserted = await query(INSERT, [JSON.stringify(rows)])
    const dids = new Map(inserted.map((row) => [text(row.id), int(row.did)]))
    const kept = left.flatMap((one, n) => {
      const did = dids.get(rows[n]?.i ?? '')
      return did === undefined ? [] : one.kept.map(({ eid }) => ({ e: eid, d: did }))
    })
    if (kept.length > 0) await query(KEPT, [JSON.stringify(kept)])
    ids.push(...dids.keys())
    left = left.filter((_, n) => !dids.has(rows[n]?.i ?? ''))
  }
  return ids
}

function toRow({ digest: { lane, key }, first, total, closedAt, kept }: Taken, now: number, generation: number) {
  const part = derivedDigestPart(lane.id, key, first, generation)
  const content = JSON.stringify({ key, eventIds: kept.map(({ id }) => id), total, closedAt })
  return { l: lane.id, o: lane.orgId, at: now, i: `dlv_${part}`, m: `msg_${part}`, c: content }
}

function keyOf(lane: string, key: string): string {
  return `${lane}\u0000${key}`
}

const NEXT_END = `
SELECT min(least(closes_at, must_close_at)) AS at FROM @.digest_member WHERE lane = $1`

/** No later than the end of the lane's next digest. */
export async function nextDigest(query: Query, lane: LaneState): Promise<number | null> {
  const [row] = await query(NEXT_END, [lane.id])
  return maybeInt(row?.at) ?? null
}
