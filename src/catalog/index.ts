export type {
  Catalog,
  Categories,
  CategoryDefinition,
  EventDefinition,
  EventOf,
  EventSummary,
  EventsOf,
  Subscription,
} from '../contracts/catalog.ts'
export type { EventBase, EventInput, Importance, StoredEvent } from '../contracts/event.ts'
export { type AsyncApiDocument, type AsyncApiOptions, asyncapi } from './asyncapi.ts'
export { type CatalogEntry, type CatalogIndex, catalogIndex } from './catalog-index.ts'
export { defineCatalog, defineEvent, RESERVED_TYPES, type WordedEvent } from './define.ts'
export { type EventBody, type EventSchemaOptions, eventSchemas } from './event-schemas.ts'
export type { CatalogLike, EventKey, MatchVerdict } from './filter-rule.ts'
export type { JsonSchema, ToJsonSchema } from './json-schema.ts'
export { type CatalogMarkdownOptions, catalogMarkdown } from './markdown.ts'
export { applySummary, parseMetadata } from './metadata.ts'
export { type CompiledFilter, checkSubscription, compileFilter, explainMatch, matches } from './subscriptions.ts'
