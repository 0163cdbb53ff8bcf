import type { CatalogIndex, CompiledFilter } from '../catalog/index.ts'
import type { Clock } from '../contracts/clock.ts'
import type { EnqueueBatch, Store } from '../contracts/store.ts'
import type { AcceptedEvent } from './check-event.ts'
import { sendLeading } from './leading.ts'
import { type Planned, type PlanParts, planEvent } from './plan.ts'
import { createSubscribers, type Kept } from './subscribers.ts'

export interface PlannerDeps {
  readonly store: Store
  readonly catalog: CatalogIndex | undefined
  readonly clock: Clock
  readonly orgNameOf: (orgId: string) => Promise<string>
  readonly plan: PlanParts
}

/** What events set off, by the subscriptions of their organisations. */
export interface Planner {
  /** One plan an event, in their order. `tx`: reads go through the host's transaction. */
  plan(events: readonly AcceptedEvent[], tx: unknown): Promise<readonly Planned[]>
  /**
   * The same with the subscriptions that are at hand, where the store looks whether they still hold. `undefined`: they
   * are not, or an event may have to go out before it is written.
   */
  atHand(events: readonly AcceptedEvent[]): Promise<PlannedAtHand | undefined>
}

export interface PlannedAtHand {
  readonly planned: readonly Planned[]
  readonly subscriptions: NonNullable<EnqueueBatch['subscriptions']>
}

export function createPlanner(deps: PlannerDeps): Planner {
  const { store, clock } = deps
  const subscribers = createSubscribers(store, deps.catalog)

  /** Events of one organisation share the reading of its subscriptions and of its name. */
  async function byOrganisation(
    events: readonly AcceptedEvent[],
    planOwn: (orgId: string, own: readonly AcceptedEvent[]) => Promise<readonly Planned[]>,
    inTurn: boolean,
  ): Promise<readonly Planned[]> {
    const [first] = events
    if (first !== undefined && events.every((event) => event.orgId === first.orgId)) return planOwn(first.orgId, events)
    const planned = new Map<AcceptedEvent, Planned>()
    const planOne = async (orgId: string, own: readonly AcceptedEvent[]): Promise<void> => {
      const plans = await planOwn(orgId, own)
      own.forEach((event, index) => {
        const one = plans[index]
        if (one) planned.set(event, one)
      })
    }
    const groups = [...Map.groupBy(events, (event) => event.orgId)]
    if (inTurn) for (const [orgId, own] of groups) await planOne(orgId, own)
    else await Promise.all(groups.map(([orgId, own]) => planOne(orgId, own)))
    return events.map((event) => planned.get(event)).filter((one) => one !== undefined)
  }

  async function planWith(orgId: string, events: readonly AcceptedEvent[], filter: CompiledFilter): Promise<Planned[]> {
    const named = events.every((event) => event.orgName !== undefined)
    const orgName = named ? orgId : await deps.orgNameOf(orgId)
    return events.map((event) => planEvent(event, orgName, filter, deps.plan))
  }

  async function planOrganisation(
    orgId: string,
    events: readonly AcceptedEvent[],
    tx: unknown,
  ): Promise<readonly Planned[]> {
    const filter = await subscribers.filterOf(orgId, tx)
    const planned = await planWith(orgId, events, filter)
    // inside a host's transaction nothing may go beside it: there the first event waits with the others
    if (tx !== undefined || !planned.some(isLeading)) return planned
    const known = new Map(filter.connections.map((connection) => [connection.id, connection]))
    const leads = { ...deps.plan, keys: store.keys, now: clock.now(), connectionOf: (id: string) => known.get(id) }
    const settled: Planned[] = []
    for (const one of planned) settled.push(await sendLeading(one, leads))
    return settled
  }

  return {
    plan(events, tx) {
      // a transaction is one conversation: its statements come one after the other
      return byOrganisation(events, (orgId, own) => planOrganisation(orgId, own, tx), tx !== undefined)
    },

    async atHand(events) {
      if (!store.capabilities.checksSubscriptions) return undefined
      const kept = new Map<string, Kept>()
      for (const { orgId } of events) {
        const one = kept.get(orgId) ?? subscribers.atHand(orgId)
        if (one === undefined) return undefined
        kept.set(orgId, one)
      }
      const planOwn = async (orgId: string, own: readonly AcceptedEvent[]): Promise<readonly Planned[]> => {
        const filter = kept.get(orgId)?.filter
        return filter === undefined ? [] : planWith(orgId, own, filter)
      }
      const planned = await byOrganisation(events, planOwn, false)
      if (planned.some(isLeading)) return undefined
      return { planned, subscriptions: Array.from(kept, ([orgId, { version }]) => ({ orgId, version })) }
    },
  }
}

const isLeading = ({ leading }: Planned): boolean => leading.length > 0
