import type { Catalog } from '../contracts/catalog.ts'
import { type GhostIdEvent, ghostIdCatalogFor, ghostIdCategories } from './ghost-id/catalog.ts'
import { ghostIdPayload } from './ghost-id/payload.ts'
import { ghostIdTransport } from './ghost-id/transport.ts'
import { webhookApi } from './ghost-id/webhook-api.ts'

export type {
  GhostIdCustomPayload,
  GhostIdDiscordPayload,
  GhostIdEmbed,
  GhostIdFormat,
  GhostIdHubspotPayload,
  GhostIdPayloads,
  GhostIdSalesforcePayload,
  GhostIdSlackPayload,
} from '../payloads/ghost-id-types.ts'
export type { GhostIdSession, GhostIdVisitor, GhostIdVisitorEvent } from '../payloads/ghost-id-visitor.ts'
export type { GhostIdCatalogOptions, GhostIdCategories, GhostIdEvent } from './ghost-id/catalog.ts'
export type { GhostIdNodeListener, GhostIdNodeRequest } from './ghost-id/node-listener.ts'
export type { GhostIdPayloadOptions } from './ghost-id/payload.ts'
export type { GhostIdBody, GhostIdConfig, GhostIdConfigInput, GhostIdTransportOptions } from './ghost-id/transport.ts'
export type { GhostIdVisitorSchema } from './ghost-id/visitor.ts'
export type {
  GhostIdEventInput,
  GhostIdSender,
  GhostIdVisitorQuery,
  GhostIdWebhookApi,
  GhostIdWebhookApiOptions,
} from './ghost-id/webhook-api.ts'

/**
 * Exports of a visitor intelligence service: one profile in five formats (custom, HubSpot, Salesforce, Slack, Discord),
 * sent once to a URL given ad hoc, and its endpoint `/api/webhook`. To write into HubSpot and Salesforce themselves, use
 * `hubspotTransport` and `salesforceTransport`: they take the same events.
 *
 * @example
 * const dispatcher = createDispatcher({
 *   store: memoryStore(),
 *   catalog: ghostId.catalog,
 *   transports: [ghostId.transport()],
 * })
 * const api = ghostId.webhookApi({
 *   dispatcher,
 *   authorize: async (request, { siteId }) => (await sessionOf(request))?.maySee(siteId) ?? false,
 *   loadVisitor: ({ ghostVid, siteId }) => db.visitors.find({ ghostVid, siteId }),
 * })
 * createServer(api.node).listen(3000)
 */
export const ghostId: {
  /** One event, `visitor_exported`, whose metadata is the visitor. */
  readonly catalog: Catalog<GhostIdEvent, 'visitors'>
  /** The same, with links to pages of your own. */
  readonly catalogFor: typeof ghostIdCatalogFor
  /** For a catalog of your own. */
  readonly categories: typeof ghostIdCategories
  readonly transport: typeof ghostIdTransport
  readonly payload: typeof ghostIdPayload
  readonly webhookApi: typeof webhookApi
} = {
  catalog: ghostIdCatalogFor({}),
  catalogFor: ghostIdCatalogFor,
  categories: ghostIdCategories,
  transport: ghostIdTransport,
  payload: ghostIdPayload,
  webhookApi,
}
