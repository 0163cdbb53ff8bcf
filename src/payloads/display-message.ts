import type { Importance, StoredEvent } from '../contracts/event.ts'
import { oneLine } from './display-text.ts'

/** What an event is called in at most `max` UTF-16 code units: its title, without a visible one its type. */
export function eventTitle(event: StoredEvent, max: number): string {
  return oneLine(event.title, max) || oneLine(event.type, max) || 'Notification'
}

/** The word that marks importance, beside any colour: colour alone is lost on some readers. */
export function importanceWord(importance: Importance): 'Urgent' | 'Important' | undefined {
  if (importance === 'urgent') return 'Urgent'
  return importance === 'high' ? 'Important' : undefined
}

/** How many of a digest's events are not among `shown` ones. */
export function countLeftOut(total: number, kept: number, shown: number): number {
  return Math.max(total, kept) - shown
}
