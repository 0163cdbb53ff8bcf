import type { ClaimRequest, Pace } from '../../src/contracts/index.ts'
import type { Entry } from './journal.ts'
import type { Model, Row } from './model.ts'

/** Judges what is claimed: status, time, cooldown, order, places. */
export function claimProblems(model: Model, row: Row, request: ClaimRequest): readonly string[] {
  const found: string[] = []
  const connection = model.connection(row.connectionId)
  if (connection === undefined) return ['claimed for a connection that is gone']
  if (row.dueAt > request.now) found.push(`claimed ${row.dueAt - request.now} ms before its time`)
  if (connection.status !== 'active') found.push(`claimed while its connection was ${connection.status}`)
  if ((connection.blockedUntil ?? 0) > request.now) found.push('claimed during a cooldown')

  const own = [...model.rows.values()].filter((one) => one.connectionId === row.connectionId && !one.removed)
  const flying = own.filter((one) => one.lease !== undefined).length
  const isFifo = connection.ordering === 'fifo'
  const most = isFifo ? 1 : Math.min(request.perConnection, connection.maxInFlight ?? Number.POSITIVE_INFINITY)
  if (flying >= most) found.push(`claimed as number ${flying + 1} at once, of ${most}`)
  const earlier = own.find((one) => one.status === 'pending' && one.order < row.order)
  if (isFifo && earlier !== undefined) found.push(`claimed before ${earlier.id}, which is first`)
  return found
}

interface Bucket {
  readonly pace: Pace
  tokens: number
  /** When something was last claimed, and the latest instant at which anything was since. */
  at: number
  latest: number
}

/**
 * No stretch of time has more claims than the burst and what the pace gives for it: a bucket that never runs empty says
 * so for all stretches at once. A lane may be looked at by any claim, also before a clock is set back: what it can have
 * gained by then is allowed. What is given back unused was never taken.
 */
export function createPaceCheck(): (model: Model, entry: Entry) => readonly string[] {
  const buckets = new Map<string, Bucket>()
  const owners = new Map<string, string>()

  const bucketOf = (model: Model, connectionId: string, now: number): Bucket | undefined => {
    const pace = model.connection(connectionId)?.pace
    if (pace === undefined) {
      buckets.delete(connectionId)
      return undefined
    }
    let bucket = buckets.get(connectionId)
    if (bucket?.pace !== pace) {
      bucket = { pace, tokens: pace.burst, at: now, latest: now }
      buckets.set(connectionId, bucket)
    }
    return bucket
  }

  function take(bucket: Bucket, now: number): void {
    const gained = (Math.max(0, bucket.latest - bucket.at) / 1000) * bucket.pace.perSecond
    bucket.tokens = Math.min(bucket.pace.burst, bucket.tokens + gained) - 1
    bucket.at = now
    bucket.latest = now
  }

  return (model, { what, at }) => {
    if (what.kind !== 'commit') return []
    const { commit } = what
    if (commit.method === 'release') {
      for (const { deliveryId, connectionId, token } of commit.leases) {
        const bucket = owners.get(deliveryId) === token ? bucketOf(model, connectionId, at) : undefined
        if (bucket) bucket.tokens = Math.min(bucket.pace.burst, bucket.tokens + 1)
        owners.delete(deliveryId)
      }
    }
    if (commit.method !== 'claim') return []
    const { now } = commit.request
    for (const bucket of buckets.values()) bucket.latest = Math.max(bucket.latest, now)
    const found: string[] = []
    for (const { id, connectionId, token } of commit.result.deliveries) {
      owners.set(id, token)
      const bucket = bucketOf(model, connectionId, now)
      if (bucket === undefined) continue
      take(bucket, now)
      if (bucket.tokens < -0.001) found.push(`faster than its pace: ${connectionId}`)
    }
    return found
  }
}
