import type { DigestKeys } from '../contracts/catalog.ts'
import type { DigestSettings, QuietHours } from '../contracts/connection.ts'
import type { StoredEvent } from '../contracts/event.ts'
import { digestKeyOf } from './key.ts'
import { compileQuietHours, type QuietUntil } from './quiet-hours.ts'
import { compileWindow } from './windows.ts'

/** What becomes of an event for one connection: it goes out at an instant, or it joins a digest. */
export type Route =
  | { readonly kind: 'send'; readonly dueAt: number }
  | {
      readonly kind: 'collect'
      readonly key: string
      /** Epoch ms; see the store's `collect`. */
      readonly closesAt: number
      readonly mustCloseAt: number
      readonly maxItems: number
      readonly keep: 'first' | 'last'
      /** The first of a window goes out at once, if it turns out to be the first. */
      readonly leading: boolean
    }

/** When things of one connection go out. */
export interface Timing {
  route(event: StoredEvent): Route
  /** The earliest instant at or after `at` (epoch ms) at which this may go out. Urgent events pass quiet hours. */
  allowedAt(at: number, importance: StoredEvent['importance']): number
}

export interface TimingSettings {
  readonly digest?: DigestSettings
  readonly quietHours?: QuietHours
}

const neverQuiet: QuietUntil = (at) => at
const AT_ONCE: Timing = {
  route: (event) => ({ kind: 'send', dueAt: event.acceptedAt }),
  allowedAt: (at) => at,
}

/** Prepares the digest window and the quiet hours of one connection for many events. */
export function compileTiming({ digest, quietHours }: TimingSettings, computed: DigestKeys | undefined): Timing {
  if (digest === undefined && quietHours === undefined) return AT_ONCE
  const quiet = quietHours === undefined ? neverQuiet : compileQuietHours(quietHours)
  const allowedAt = (at: number, importance: StoredEvent['importance']): number =>
    importance === 'urgent' ? at : quiet(at)
  const send = (event: StoredEvent): Route => ({
    kind: 'send',
    dueAt: allowedAt(event.acceptedAt, event.importance),
  })
  if (digest === undefined) return { route: send, allowedAt }

  const closing = compileWindow(digest.window)
  const { maxItems = 200, keep = 'first', leading = 'hold', bypass = {} } = digest
  const importances: ReadonlySet<string> = new Set(bypass.importance ?? [])
  const types: ReadonlySet<string> = new Set(bypass.eventTypes ?? [])
  return {
    allowedAt,
    route(event) {
      if (importances.has(event.importance) || types.has(event.type)) return send(event)
      const { closesAt, mustCloseAt } = closing(event.acceptedAt)
      return {
        kind: 'collect',
        key: digestKeyOf(digest.key, event, computed),
        // putting off keeps the order of instants, so that the digest closes at the put-off instant
        closesAt: quiet(closesAt),
        mustCloseAt: quiet(mustCloseAt),
        maxItems,
        keep,
        leading: leading === 'send',
      }
    },
  }
}
