import type { DeliveryRepository } from '../../src/contracts/store.ts'
import type { Server } from './postgres-server.ts'
import { settlements } from './store-records.ts'

/** A delivery as the plain queue hands it out. */
export interface PlainLeased {
  readonly id: string
  readonly connectionId: string
  readonly token: string
}

export interface PlainQueue {
  claim(request: { now: number; limit: number; token: string }): Promise<readonly PlainLeased[]>
  settle(leased: readonly PlainLeased[], now: number): Promise<void>
}

/**
 * What one would write without fairness, caps, pace, order and health, over the same tables: oldest first, leased by a
 * status of its own, settled by key, with the same record of the attempt. Two statements, each its own transaction.
 */
export async function plainQueue({ pool, schema }: Server): Promise<PlainQueue> {
  const s = `"${schema}"`
  await pool.query(`CREATE INDEX plain_due ON ${s}.delivery (pos, did) WHERE status = 0`)
  const rows = new Map<string, number>()
  return {
    async claim({ now, limit, token }) {
      const claimed = await pool.query(
        `WITH taken AS (
           UPDATE ${s}.delivery SET status = 4, lost = 0, receipt = $3
           WHERE did = ANY(ARRAY(
             SELECT did FROM ${s}.delivery WHERE status = 0 AND pos <= $1 ORDER BY pos, did LIMIT $2
             FOR UPDATE SKIP LOCKED
           ))
           RETURNING did, id, lane, org_id, eid, kind, pos, created_at, attempts, rounds, message_id, content
         )
         SELECT t.*, e.body, c.body AS connection
         FROM taken t JOIN ${s}.event e ON e.eid = t.eid JOIN ${s}.connection c ON c.id = t.lane`,
        [now, limit, token],
      )
      for (const row of claimed.rows) rows.set(row.id, row.did)
      return claimed.rows.map((row) => {
        JSON.parse(row.body)
        return { id: row.id, connectionId: row.lane, token }
      })
    },
    async settle(leased, now) {
      const settled = settlements(leased, now).map((one) => ({
        d: rows.get(one.deliveryId),
        h: one.httpStatus,
        b: JSON.stringify(one.attempts[0]),
      }))
      const values = [JSON.stringify(settled), now, leased[0]?.token ?? '']
      await pool.query(
        `UPDATE ${s}.delivery d
         SET status = 1, attempts = d.attempts + 1, finished_at = $2, http = x.h, first = x.b, receipt = NULL
         FROM json_to_recordset($1::json) AS x(d bigint, h integer, b text)
         WHERE d.did = x.d AND d.status = 4 AND d.receipt = $3`,
        values,
      )
      for (const { id } of leased) rows.delete(id)
    },
  }
}

/** The store as a queue of the same shape. */
export function asQueue(deliveries: DeliveryRepository): PlainQueue {
  return {
    async claim({ now, limit, token }) {
      const request = { now, limit, token, perConnection: limit, leaseMs: 60_000, transports: ['webhook'] }
      return (await deliveries.claim(request)).deliveries
    },
    settle: async (leased, now) => void (await deliveries.settle(settlements(leased, now))),
  }
}
