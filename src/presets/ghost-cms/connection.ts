import type { Connection } from '../../contracts/connection.ts'
import { checkOptions, invalidInput } from '../../errors.ts'
import type { WebhookConfig } from '../../transports/webhook.ts'
import { categoryOf, ghostCmsEvents } from './catalog.ts'
import type { GhostCmsCategory, GhostCmsEventType } from './events.ts'

/** What the form of a hook asks for. */
export interface GhostCmsHook<Name extends string = 'webhook'> {
  readonly orgId: string
  /** The one event that triggers it. */
  readonly event: GhostCmsEventType
  readonly targetUrl: string
  /** Signs requests. @default none: they go out unsigned */
  readonly secret?: string | undefined
  /** The name of the transport. @default 'webhook' */
  readonly transport?: Name | undefined
}

/** What `connections.create` takes for a hook; `label` and others can be added. */
export interface GhostCmsConnection<Name extends string = 'webhook'> {
  readonly orgId: string
  readonly transport: Name
  readonly config: { readonly url: string }
  readonly categories: readonly GhostCmsCategory[]
  readonly eventTypes: readonly GhostCmsEventType[]
  readonly secret: string | false
}

const FIELDS: readonly string[] = [
  'orgId',
  'event',
  'targetUrl',
  'secret',
  'transport',
] satisfies (keyof GhostCmsHook)[]

/** @throws SignalboxError `invalid_input` when `event` is none of the 29. */
export function ghostCmsConnection<const Name extends string = 'webhook'>(
  hook: GhostCmsHook<Name>,
): GhostCmsConnection<Name> {
  checkOptions(hook, FIELDS)
  const { orgId, event, targetUrl, secret = false } = hook
  checkEventType(event)
  return {
    orgId,
    transport: (hook.transport ?? 'webhook') as Name,
    config: { url: targetUrl },
    categories: [categoryOf(event)],
    eventTypes: [event],
    secret,
  }
}

/** @throws SignalboxError `invalid_input` */
export function checkEventType(event: GhostCmsEventType): void {
  if (!ghostCmsEvents.includes(event)) throw invalidInput('event', 'must be one of the events of Ghost CMS')
}

/**
 * A hook is its event and its target URL: the same again in an organisation is a conflict. Connections made for several
 * events are compared as a whole.
 */
export function hookKey({ config, categories, eventTypes }: Connection<WebhookConfig>): string {
  const target = new URL(config.url)
  target.hash = ''
  return JSON.stringify([target.href, categories.toSorted(), eventTypes.toSorted()])
}
