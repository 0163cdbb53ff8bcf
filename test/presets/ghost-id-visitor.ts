import { readFileSync } from 'node:fs'
import type { GhostIdVisitor } from '../../src/presets/ghost-id.ts'

/** The documentation's own requests, answers and payloads. */
export const DOCUMENTED = JSON.parse(
  readFileSync(new URL('../fixtures/ghost-id-payloads.json', import.meta.url), 'utf8'),
)

/** 2026-03-10T17:18:00.000Z, at which the documented example was exported. */
export const EXPORTED_AT: number = Date.parse(DOCUMENTED.custom.exported_at)

/** The visitor of all documented payloads. */
export function exampleVisitor(changes: Partial<GhostIdVisitor> = {}): GhostIdVisitor {
  const { links: _links, exported_at: _at, ...profile } = DOCUMENTED.custom
  return { ...profile, ...changes }
}

/** One of whom nothing is known. */
export const STRANGER: GhostIdVisitor = {
  ghost_vid: 'gv_stranger',
  score: 0,
  status: 'anonymous',
  location: {},
  device: { type: null },
  engagement: {
    total_sessions: 1,
    total_pageviews: 1,
    total_time_seconds: 0,
    first_seen: '2026-03-10T17:14:22.000Z',
    last_seen: '2026-03-10T17:14:22.000Z',
  },
}
