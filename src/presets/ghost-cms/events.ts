import type { StandardJSONSchemaV1, StandardSchemaV1 } from '@standard-schema/spec'
import type { EventSummary, EventsOf } from '../../contracts/catalog.ts'
import type { EventBase } from '../../contracts/event.ts'
import type {
  GhostCmsAdded,
  GhostCmsDeleted,
  GhostCmsEdited,
  GhostCmsMember,
  GhostCmsPost,
  GhostCmsTag,
  GhostCmsTagged,
  NoFields,
  OpenFields,
} from './resources.ts'

type Editing = 'edited' | 'published' | 'published.edited' | 'unpublished' | 'scheduled' | 'unscheduled' | 'rescheduled'
type Tagging = 'tag.attached' | 'tag.detached'

/** What a schema of the catalog is: it checks its input and answers that very object, with its keys in their order. */
export interface GhostCmsSchema<M extends object> {
  readonly '~standard': StandardSchemaV1.Props<M, M> & StandardJSONSchemaV1.Props<M, M>
}

export interface GhostCmsDefinition<M extends object> {
  readonly label: string
  readonly description: string
  readonly metadata: GhostCmsSchema<M>
  summary(metadata: M): EventSummary
}

interface Category<Events extends object> {
  readonly label: string
  readonly description: string
  readonly events: Events
}

type Content<K extends 'post' | 'page'> = Category<
  { readonly [T in `${K}.added`]: GhostCmsDefinition<GhostCmsAdded<GhostCmsPost>> } & {
    readonly [T in `${K}.deleted`]: GhostCmsDefinition<GhostCmsDeleted<GhostCmsPost>>
  } & { readonly [T in `${K}.${Editing}`]: GhostCmsDefinition<GhostCmsEdited<GhostCmsPost>> } & {
    readonly [T in `${K}.${Tagging}`]: GhostCmsDefinition<GhostCmsTagged<GhostCmsPost>>
  }
>

type Records<K extends 'tag' | 'member', R> = Category<
  { readonly [T in `${K}.added`]: GhostCmsDefinition<GhostCmsAdded<R>> } & {
    readonly [T in `${K}.edited`]: GhostCmsDefinition<GhostCmsEdited<R>>
  } & { readonly [T in `${K}.deleted`]: GhostCmsDefinition<GhostCmsDeleted<R>> }
>

/** The categories of Ghost CMS with their events: metadata are `{ current, previous }` of the resource. */
export type GhostCmsCategories = {
  readonly site: Category<{
    readonly 'site.changed': { readonly label: string; readonly description: string; summary(): EventSummary }
  }>
  readonly post: Content<'post'>
  readonly page: Content<'page'>
  readonly tag: Records<'tag', GhostCmsTag>
  readonly member: Records<'member', GhostCmsMember>
}

/** `site` · `post` · `page` · `tag` · `member` */
export type GhostCmsCategory = keyof GhostCmsCategories

/** An event as the host dispatches it; `title`, `body` and `href` follow from it where they are not given. */
export type GhostCmsEvent = EventsOf<GhostCmsCategories>

/** One of the 29 events. */
export type GhostCmsEventType = GhostCmsEvent['type']

/** A body as it is documented: one key, the resource. */
type Documented<K extends string, R> = {
  readonly [Key in K]: { readonly current?: OpenFields<Partial<R>>; readonly previous?: OpenFields<Partial<R>> }
}

type DocumentedBody<T extends GhostCmsEventType> = T extends 'site.changed'
  ? NoFields
  : T extends `${string}.tag.${string}`
    ? { readonly tag: { readonly current?: OpenFields<Partial<GhostCmsTag>> } }
    : T extends `${infer K extends 'post' | 'page'}.${string}`
      ? Documented<K, GhostCmsPost>
      : T extends `tag.${string}`
        ? Documented<'tag', GhostCmsTag>
        : Documented<'member', GhostCmsMember>

/** An event of the documented catalog: its metadata are the documented body. */
export type GhostCmsDocumentedEvent = {
  [T in GhostCmsEventType]: EventBase<T, DocumentedBody<T>> & { readonly metadata: DocumentedBody<T> }
}[GhostCmsEventType]
