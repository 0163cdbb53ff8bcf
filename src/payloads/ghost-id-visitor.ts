/** One visit of a visitor, as Ghost ID keeps it. */
export interface GhostIdSession {
  readonly session_id: string
  /** ISO 8601. */
  readonly started_at: string
  /** ISO 8601; `null` while it lasts. */
  readonly ended_at?: string | null | undefined
  readonly pageview_count: number
  readonly entry_page?: string | null | undefined
  readonly exit_page?: string | null | undefined
  readonly referrer?: string | null | undefined
}

/** Something that a visitor did. */
export interface GhostIdVisitorEvent {
  /** E.g. `pageview`. */
  readonly type: string
  readonly page?: string | null | undefined
  /** ISO 8601. */
  readonly timestamp: string
}

/** The profile of a visitor: what all five formats are made from. What is unknown is `null` or left out. */
export interface GhostIdVisitor {
  readonly ghost_vid: string
  /** 0 to 100. */
  readonly score: number
  /** E.g. `identified`. */
  readonly status: string
  /** An e-mail address, or whatever else the site knows its visitor by. */
  readonly identified_user_id?: string | null | undefined
  readonly location: { readonly country?: string | null | undefined; readonly city?: string | null | undefined }
  readonly device: { readonly type?: string | null | undefined; readonly browser?: string | null | undefined }
  readonly engagement: {
    readonly total_sessions: number
    readonly total_pageviews: number
    readonly total_time_seconds: number
    /** ISO 8601. */
    readonly first_seen: string
    /** ISO 8601. */
    readonly last_seen: string
  }
  /** @default [] */
  readonly journey?: readonly GhostIdSession[] | undefined
  /** @default [] */
  readonly recent_events?: readonly GhostIdVisitorEvent[] | undefined
}

/** Whether metadata have the shape of a visitor: events of other kinds may reach the same connection. */
export function isGhostIdVisitor(value: unknown): value is GhostIdVisitor {
  if (!isRecord(value)) return false
  const { ghost_vid, score, status, identified_user_id, location, device, engagement, journey, recent_events } = value
  return (
    typeof ghost_vid === 'string' &&
    ghost_vid !== '' &&
    Number.isFinite(score) &&
    typeof status === 'string' &&
    isTextOrNone(identified_user_id) &&
    isRecord(location) &&
    areTextsOrNone(location, ['country', 'city']) &&
    isRecord(device) &&
    areTextsOrNone(device, ['type', 'browser']) &&
    isRecord(engagement) &&
    areNumbers(engagement, ['total_sessions', 'total_pageviews', 'total_time_seconds']) &&
    areTexts(engagement, ['first_seen', 'last_seen']) &&
    isListOf(journey, isSession) &&
    isListOf(recent_events, isVisitorEvent)
  )
}

function isSession(session: JsonRecord): boolean {
  return (
    areTexts(session, ['session_id', 'started_at']) &&
    areNumbers(session, ['pageview_count']) &&
    areTextsOrNone(session, ['ended_at', 'entry_page', 'exit_page', 'referrer'])
  )
}

function isVisitorEvent(event: JsonRecord): boolean {
  return areTexts(event, ['type', 'timestamp']) && areTextsOrNone(event, ['page'])
}

function isListOf(value: unknown, is: (item: JsonRecord) => boolean): boolean {
  return value === undefined || (Array.isArray(value) && value.every((item) => isRecord(item) && is(item)))
}

function areTexts(record: JsonRecord, keys: readonly string[]): boolean {
  return keys.every((key) => typeof record[key] === 'string')
}

function areTextsOrNone(record: JsonRecord, keys: readonly string[]): boolean {
  return keys.every((key) => isTextOrNone(record[key]))
}

function areNumbers(record: JsonRecord, keys: readonly string[]): boolean {
  return keys.every((key) => Number.isFinite(record[key]))
}

function isTextOrNone(value: unknown): boolean {
  return value === undefined || value === null || typeof value === 'string'
}

type JsonRecord = Readonly<Record<string, unknown>>

function isRecord(value: unknown): value is JsonRecord {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
