import type { StandardSchemaV1 } from '@standard-schema/spec'
import type { EventBase, EventInput, Importance, StoredEvent } from './event.ts'

/** What an event says to a person. */
export interface EventSummary {
  readonly title: string
  readonly body: string
  readonly href: string
}

/** One event type of a catalog. */
export interface EventDefinition {
  /** For people: forms, documentation. */
  readonly label: string
  readonly description?: string
  /** Any Standard Schema (zod, valibot, arktype …), synchronous. Its output is what is stored. */
  readonly metadata?: StandardSchemaV1<unknown, object>
  /** Pure. Gives the title, body and href that `dispatch` was not given. */
  // biome-ignore lint/suspicious/noExplicitAny: a parameter position; `never` would refuse inline functions
  summary?(metadata: any): EventSummary
}

export interface CategoryDefinition {
  readonly label: string
  readonly description?: string
  readonly events: Readonly<Record<string, EventDefinition>>
}

export type Categories = Readonly<Record<string, CategoryDefinition>>

/** Ways to group events in digests, by name. Pure; at most 256 characters of what they answer count. */
export type DigestKeys = Readonly<Record<string, (event: StoredEvent) => string | undefined>>

/** The host's event types, grouped in categories. Made by `defineCatalog`. Every one is a plain `Catalog` too. */
export interface Catalog<E extends EventBase = EventBase, K extends string = string> {
  readonly categories: Readonly<Record<K, CategoryDefinition>>
  /** What a connection's `digest.key` may name beside the fields of events. */
  readonly digestKeys?: DigestKeys
  /** Carries the type of events; never set. */
  readonly '~event'?: E
}

type MetadataOf<D> = D extends { readonly metadata: StandardSchemaV1<infer I, infer O extends object> }
  ? I extends object
    ? I
    : O
  : never

type Worded<T extends string, M extends object, D> = D extends { summary(metadata: never): EventSummary }
  ? EventBase<T, M>
  : EventInput<T, M>

/** The event that a definition `D` of type `T` accepts in `dispatch`. */
export type EventOf<T extends string, D> = [MetadataOf<D>] extends [never]
  ? Worded<T, object, D>
  : Worded<T, MetadataOf<D>, D> & { readonly metadata: MetadataOf<D> }

/** The union of events that a catalog's categories define. */
export type EventsOf<C extends Categories> = {
  [K in keyof C]: { [T in keyof C[K]['events'] & string]: EventOf<T, C[K]['events'][T]> }[keyof C[K]['events'] & string]
}[keyof C]

/**
 * Which events a connection wants. What the catalog no longer has matches nothing; it never widens a subscription.
 */
export interface Subscription {
  /** Empty: all of them. */
  readonly categories: readonly string[]
  /**
   * Narrow the categories that they belong to; categories of which none is named stay whole. Without a catalog nobody
   * knows which those are: then no other types match.
   */
  readonly eventTypes: readonly string[]
  /** Events below it do not match. Absent: all do. */
  readonly minImportance?: Importance
}
