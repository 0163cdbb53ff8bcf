import { ghostFormat } from '../payloads/ghost.ts'
import { ghostSignature } from '../signing/ghost.ts'
import { standardWebhooks } from '../signing/standard-webhooks.ts'
import type { WebhookTransportOptions } from '../transports/webhook.ts'
import { ghostWorkspaceCatalog } from './ghost-workspace/catalog.ts'

/** The options that make `webhookTransport` behave as the workspace documents its webhooks. */
const webhook: WebhookTransportOptions = {
  formats: [ghostFormat],
  // Standard Webhooks beside Ghost's own: the latter does not sign its timestamp, so replays need the former.
  signatures: [ghostSignature(), standardWebhooks()],
  deadlineMs: 5000,
  // Retried once after a short delay on 429, a long `Retry-After` durably; any other failure is final.
  retry: { delaysMs: [1000], maxAttempts: 2, only: ['rate_limited'], quick: { maxWaitMs: 2000 } },
}

/**
 * Notifications of a privacy workspace: its catalog of 11 categories, and its webhooks (flat JSON, `X-Ghost-Signature`,
 * 5 seconds, one more try after a 429).
 *
 * @example
 * createDispatcher({
 *   store,
 *   catalog: ghostWorkspace.catalog,
 *   transports: [webhookTransport(ghostWorkspace.webhook)],
 * })
 * // with the durable schedule instead: webhookTransport({ ...ghostWorkspace.webhook, retry: {} })
 */
export const ghostWorkspace: {
  readonly catalog: typeof ghostWorkspaceCatalog
  readonly webhook: WebhookTransportOptions
} = { catalog: ghostWorkspaceCatalog, webhook }
