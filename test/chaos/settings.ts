import { ghostSignature, standardWebhooks } from '../../src/signing/index.ts'

/** What the checker and the processes that it kills agree on. */
export const ORG = 'org_chaos'
export const CONCURRENCY = 48
export const PER_CONNECTION = 16
/** Short, so that what a killed process held is taken over soon; long enough for a machine that is busy. */
export const LEASE_MS = 1500
export const SCHEMES = [ghostSignature(), standardWebhooks()] as const

/** Events that are dispatched in a transaction of the host. */
export const joins = (id: string): boolean => id.endsWith('-tx')

export function eventOf(id: string) {
  return {
    id,
    orgId: ORG,
    type: 'case_assigned',
    title: `Case ${id}`,
    body: 'x'.repeat(id.length * 16),
    href: `https://app.example.com/cases/${id}`,
    metadata: { eventId: id },
  }
}

/** mulberry32: small, seeded, good enough to choose moments. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}
