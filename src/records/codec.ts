import type { Health, LatestDelivery } from '../contracts/connection.ts'
import type { AttemptRecord, DeliveryStatus } from '../contracts/delivery.ts'
import { SignalboxError } from '../errors.ts'

/** Reads what this store wrote as JSON. The parser's own error would quote the text, so it is not passed on. */
export function parse<T>(json: string): T {
  try {
    return JSON.parse(json) as T
  } catch {
    throw new SignalboxError('store_failed', 'a stored record is not readable')
  }
}

// ---------------------------------------------------------------------------------------------- states

export const LIVE = 0
export const DELIVERED = 1
export const FAILED = 2
export const CANCELLED = 3

const FINAL: Readonly<Record<number, DeliveryStatus>> = { 1: 'delivered', 2: 'failed', 3: 'cancelled' }

export function statusName(status: number, leased: boolean): DeliveryStatus {
  return FINAL[status] ?? (leased ? 'sending' : 'pending')
}

export const STATUS_NUMBERS: Readonly<Record<DeliveryStatus, number>> = {
  pending: LIVE,
  sending: LIVE,
  delivered: DELIVERED,
  failed: FAILED,
  cancelled: CANCELLED,
}

export const KINDS = ['event', 'digest', 'test'] as const

// ---------------------------------------------------------------------------------------------- health

type HealthRow = [
  failures: number,
  firstFailureAt: number | null,
  lastSuccessAt: number | null,
  lastAttemptAt: number | null,
  latestId?: string,
  status?: LatestDelivery['status'],
  at?: number,
  code?: string | null,
  httpStatus?: number | null,
]

export function writeHealth(health: Health): string {
  const row: HealthRow = [
    health.consecutiveFailures,
    health.firstFailureAt ?? null,
    health.lastSuccessAt ?? null,
    health.lastAttemptAt ?? null,
  ]
  const { latest } = health
  if (latest) {
    row.push(latest.deliveryId, latest.status, latest.at)
    if (latest.code !== undefined || latest.httpStatus !== undefined) {
      row.push(latest.code ?? null, latest.httpStatus ?? null)
    }
  }
  return JSON.stringify(row)
}

export function readHealth(json: string): Health {
  const [failures, first, success, attempt, id, status, at, code, http] = parse<HealthRow>(json)
  const health: Mutable<Health> = { consecutiveFailures: failures }
  if (first !== null) health.firstFailureAt = first
  if (success !== null) health.lastSuccessAt = success
  if (attempt !== null) health.lastAttemptAt = attempt
  if (id !== undefined && status !== undefined && at !== undefined) {
    const latest: Mutable<LatestDelivery> = { deliveryId: id, status, at }
    if (typeof code === 'string') latest.code = code
    if (typeof http === 'number') latest.httpStatus = http
    health.latest = latest
  }
  return health
}

export type Mutable<T> = { -readonly [K in keyof T]: T[K] }

// ---------------------------------------------------------------------------------------------- attempts

const ATTEMPT_FIELDS = [
  'startedAt',
  'durationMs',
  'outcome',
  'code',
  'status',
  'providerCode',
  'detail',
  'snippet',
  'retryAfterMs',
] as const

export function writeAttempt(attempt: Omit<AttemptRecord, keyof DeliveryKeys | 'number'>): string {
  const row: unknown[] = [attempt.startedAt, attempt.durationMs, attempt.outcome]
  let length = row.length
  for (let n = length; n < ATTEMPT_FIELDS.length; n++) {
    const field = ATTEMPT_FIELDS[n]
    const value = field && attempt[field]
    row.push(value ?? null)
    if (value !== undefined) length = n + 1
  }
  row.length = length
  return JSON.stringify(row)
}

export function readAttempt(json: string, number: number, of: DeliveryKeys): AttemptRecord {
  const row = parse<unknown[]>(json)
  const fields: Record<string, unknown> = {}
  ATTEMPT_FIELDS.forEach((field, n) => {
    const value = row[n]
    if (value !== undefined && value !== null) fields[field] = value
  })
  return { ...of, number, ...fields } as AttemptRecord
}

export type DeliveryKeys = Pick<AttemptRecord, 'deliveryId' | 'orgId' | 'connectionId'>
