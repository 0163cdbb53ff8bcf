import { createHash } from 'node:crypto'

/**
 * What the ids of a sealed digest's delivery and message consist of: derived from its first event, so that sealing it
 * again makes the same. `generation`: 0, or how often the id was taken.
 */
export function derivedDigestPart(connectionId: string, key: string, eventId: string, generation: number): string {
  const hash = createHash('sha256').update(JSON.stringify([connectionId, key, eventId, generation]))
  return hash.digest('base64url').slice(0, 26)
}
