import type { DigestSettings, EventInput, Pace, QuietHours, RetryPolicy } from '../../src/contracts/index.ts'
import { type Catalog, defineCatalog } from '../../src/index.ts'
import type { FaultSettings } from './faulty-store.ts'
import type { Random } from './random.ts'
import type { JumpStyle } from './timeline.ts'

export const SECOND = 1000
export const MINUTE = 60 * SECOND
export const HOUR = 60 * MINUTE
export const DAY = 24 * HOUR

const ORGS = ['org_1', 'org_2'] as const
export const TYPES = ['case_assigned', 'case_closed', 'breach_logged', 'login_failed'] as const
export const CATEGORY_OF: Readonly<Record<string, string>> = {
  case_assigned: 'case',
  case_closed: 'case',
  breach_logged: 'security',
  login_failed: 'security',
}
export const IMPORTANCES = ['low', 'normal', 'high', 'urgent'] as const

export const catalog: Catalog<EventInput> = defineCatalog({
  categories: {
    case: { label: 'Cases', events: { case_assigned: { label: 'Assigned' }, case_closed: { label: 'Closed' } } },
    security: { label: 'Security', events: { breach_logged: { label: 'Breach' }, login_failed: { label: 'Login' } } },
  },
})

/** What is fixed for the whole life of a world. */
export interface Profile {
  readonly startAt: number
  readonly jumpStyle: JumpStyle
  readonly jumps: boolean
  readonly orgs: readonly string[]
  readonly processes: number
  readonly connections: number
  readonly actions: number
  /** `fast`: milliseconds to a minute between actions; `slow`: up to hours. */
  readonly scale: 'fast' | 'slow'
  readonly worker: {
    readonly concurrency: number
    readonly perConnection: number
    readonly leaseMs: number
    readonly pollMs: number
  }
  readonly retry: RetryPolicy
  readonly health: { readonly suspendAfterMs: number; readonly suspendAfterAttempts: number }
  readonly retainEventsMs: number
  readonly faults: FaultSettings
  /** Of a hundred exchanges, so many go wrong. */
  readonly failPercent: number
}

/** In 2026 the clocks change at these instants. */
const CHANGES = ['2026-03-29T01:00:00Z', '2026-10-25T01:00:00Z', '2026-03-08T07:00:00Z', '2026-11-01T06:00:00Z'].map(
  (iso) => Date.parse(iso),
)
const ZONES = ['Europe/Dublin', 'America/New_York', 'UTC'] as const

export function randomProfile(random: Random): Profile {
  const scale = random.pick(['fast', 'slow'] as const)
  return {
    startAt: random.pick(CHANGES) - random.int(0, scale === 'fast' ? 2 * HOUR : 30 * HOUR),
    jumpStyle: random.pick(['wall', 'elapsed']),
    jumps: random.chance(0.5),
    orgs: random.chance(0.2) ? ORGS : [ORGS[0]],
    processes: random.int(1, 3),
    connections: random.int(1, 3),
    actions: random.int(5, 30),
    scale,
    worker: {
      concurrency: random.pick([1, 2, 4, 64]),
      perConnection: random.pick([1, 2, 8]),
      leaseMs: random.pick([5 * SECOND, 30 * SECOND]),
      pollMs: scale === 'fast' ? random.pick([SECOND, 5 * SECOND, 30 * SECOND]) : random.pick([10 * MINUTE, HOUR]),
    },
    retry: randomRetry(random),
    health: random.chance(0.3)
      ? { suspendAfterMs: random.int(0, 10 * MINUTE), suspendAfterAttempts: random.int(1, 4) }
      : { suspendAfterMs: 5 * DAY, suspendAfterAttempts: 10 },
    retainEventsMs: random.chance(0.1) ? random.int(0, DAY) : 30 * DAY,
    faults: {
      percent: random.pick([0, 2, 8, 20]),
      slowPercent: random.pick([0, 20, 60]),
      slowMs: random.pick([5, 200, 4 * SECOND]),
      timeoutMs: random.pick([500, 8 * SECOND]),
    },
    failPercent: random.pick([0, 10, 40, 80]),
  }
}

function randomRetry(random: Random): RetryPolicy {
  const delaysMs = random.pick([undefined, [], [SECOND, 5 * SECOND, MINUTE], [0, 0, HOUR], [30 * MINUTE, 30 * MINUTE]])
  return {
    ...(delaysMs === undefined ? {} : { delaysMs }),
    ...(random.chance(0.3) ? { jitter: random.pick([0, 0.5, 1]) } : {}),
    ...(random.chance(0.2) ? { maxRetryAfterMs: random.pick([0, 10 * SECOND]) } : {}),
    ...(random.chance(0.2) ? { ambiguous: 'fail' } : {}),
    ...(random.chance(0.2) ? { maxAttempts: random.int(1, 5) } : {}),
    ...(random.chance(0.1) ? { only: ['timeout', 'http_5xx', 'rate_limited'] } : {}),
    ...(random.chance(0.3) ? { quick: random.pick([false, { maxWaitMs: MINUTE }]) } : {}),
  }
}

export interface ConnectionSettings {
  readonly categories?: readonly string[]
  readonly eventTypes?: readonly string[]
  readonly minImportance?: (typeof IMPORTANCES)[number]
  readonly ordering?: 'fifo'
  readonly pace?: Pace | false
  readonly maxInFlight?: number
  readonly digest?: DigestSettings
  readonly quietHours?: QuietHours
}

export function randomSettings(
  random: Random,
  { scale, startAt }: Pick<Profile, 'scale' | 'startAt'>,
): ConnectionSettings {
  return {
    ...randomSubscription(random),
    ...(random.chance(0.25) ? { ordering: 'fifo' } : {}),
    ...(random.chance(0.4) ? { pace: randomPace(random) } : {}),
    ...(random.chance(0.2) ? { maxInFlight: random.int(1, 2) } : {}),
    ...(random.chance(0.5) ? { digest: randomDigest(random, scale) } : {}),
    ...(random.chance(0.35) ? { quietHours: randomQuietHours(random, startAt) } : {}),
  }
}

export function randomSubscription(
  random: Random,
): Pick<ConnectionSettings, 'categories' | 'eventTypes' | 'minImportance'> {
  return {
    ...(random.chance(0.2) ? { categories: [random.pick(['case', 'security'])] } : {}),
    ...(random.chance(0.15) ? { eventTypes: ['case_assigned'], categories: ['case'] } : {}),
    ...(random.chance(0.15) ? { minImportance: random.pick(IMPORTANCES) } : {}),
  }
}

function randomPace(random: Random): Pace | false {
  if (random.chance(0.1)) return false
  return { perSecond: random.pick([0.01, 1 / 3, 1, 10]), burst: random.pick([1, 2, 5]) }
}

const PATTERNS = ['*/15 * * * *', '0 9 * * *', '30 1 * * *', '0 8 * * 1-5', '5 * * * *', '30 2 * * *'] as const

export function randomDigest(random: Random, scale: Profile['scale']): DigestSettings {
  const unit = scale === 'fast' ? SECOND : 10 * MINUTE
  const idleMs = random.int(1, 20) * unit
  const window = random.pick([
    { everyMs: random.int(1, 60) * unit },
    { idleMs, maxMs: idleMs + random.int(0, 60) * unit },
    { cron: random.pick(PATTERNS), timeZone: random.pick(ZONES) },
  ])
  return {
    window,
    ...(random.chance(0.3) ? { key: random.pick(['type', 'metadata.matter', 'importance']) } : {}),
    ...(random.chance(0.3) ? { leading: 'send' } : {}),
    ...(random.chance(0.3) ? { maxItems: random.int(1, 2) } : {}),
    ...(random.chance(0.3) ? { keep: 'last' } : {}),
    ...(random.chance(0.4) ? { single: 'digest' } : {}),
    ...(random.chance(0.3)
      ? { bypass: random.pick([{ importance: ['urgent'] as const }, { eventTypes: ['breach_logged'] }]) }
      : {}),
  }
}

export function randomQuietHours(random: Random, startAt: number): QuietHours {
  const time = (): string => `${String(random.int(0, 23)).padStart(2, '0')}:${random.pick(['00', '15', '30', '59'])}`
  if (random.chance(0.3)) {
    // in the middle of what happens
    const begin = startAt + random.int(0, 20) * MINUTE
    const [from, to] = [begin, begin + random.int(1, 60) * MINUTE].map((at) => new Date(at).toISOString().slice(11, 16))
    return { timeZone: 'UTC', intervals: [{ days: [0, 1, 2, 3, 4, 5, 6], ...distinct([from ?? '', to ?? '']) }] }
  }
  const days = random.pick([[0, 1, 2, 3, 4, 5, 6], [6, 0], [random.int(0, 6)]])
  const intervals = [{ days, ...distinct(random.chance(0.4) ? ['22:00', '01:30'] : [time(), time()]) }]
  if (random.chance(0.2)) intervals.push({ days: [random.int(0, 6)], from: '12:00', to: '13:00' })
  return { timeZone: random.pick(ZONES), intervals }
}

/** Equal ends would be a whole day, and seven of them no week at all. */
function distinct([from = '', to = '']: readonly string[]): { readonly from: string; readonly to: string } {
  return from === to ? { from: '23:00', to: '04:00' } : { from, to }
}
