import type { GhostCmsEvent, GhostCmsEventType } from '../../src/presets/ghost-cms.ts'
import fixture from '../fixtures/ghost-cms-deliveries.json' with { type: 'json' }

interface RealDelivery {
  readonly event: GhostCmsEventType
  /** The raw body. */
  readonly body: string
  readonly secret: string
  readonly signature: string
  readonly contentVersion: string
  /** Epoch ms, of the signature. */
  readonly sentAt: number
  /** Absent of `site.changed`. */
  readonly metadata: { readonly current: Fields; readonly previous: Fields } | undefined
}

export interface Fields extends Readonly<Record<string, unknown>> {
  readonly id: string
  readonly tags?: readonly Fields[]
}

/** One real delivery of Ghost 6.65 for each event, in the order in which they were sent. */
export const deliveries: readonly RealDelivery[] = fixture.map((one) => {
  const { event, ...rest } = JSON.parse(one.body)
  const [metadata] = Object.values(rest)
  return {
    ...one,
    event,
    sentAt: Number(one.signature.split('t=')[1]),
    metadata: metadata as RealDelivery['metadata'],
  }
})

/** The event that leads to a real delivery. */
export function eventOf({ event, metadata }: RealDelivery, more: { readonly orgId: string }): GhostCmsEvent {
  return { ...more, type: event, ...(metadata === undefined ? {} : { metadata }) } as GhostCmsEvent
}
