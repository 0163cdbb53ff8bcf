// The fields that Ghost's documentation names; `OpenFields` takes any other beside them.

/** One of the documented values, or another one that a later version brings. */
type OrOther<T extends string> = T | (string & Record<never, never>)

export interface GhostCmsTag {
  /** 24 hex characters in Ghost (documented: a UUID). */
  readonly id: string
  readonly name?: string
  readonly slug?: string
  readonly description?: string | null
  readonly feature_image?: string | null
  readonly visibility?: 'public' | 'internal'
  /** Instants are ISO 8601. */
  readonly created_at?: string
  readonly updated_at?: string | null
  readonly url?: string
}

/** A post or a page. */
export interface GhostCmsPost {
  /** 24 hex characters in Ghost (documented: a UUID). */
  readonly id: string
  readonly uuid?: string
  readonly title?: string
  readonly slug?: string
  readonly html?: string | null
  readonly plaintext?: string | null
  readonly feature_image?: string | null
  readonly featured?: boolean
  readonly status?: 'published' | 'draft' | 'scheduled' | 'sent'
  readonly visibility?: OrOther<'public' | 'members' | 'paid' | 'tiers'>
  readonly created_at?: string
  readonly updated_at?: string | null
  readonly published_at?: string | null
  readonly custom_excerpt?: string | null
  readonly url?: string
  readonly tags?: readonly OpenFields<GhostCmsTag>[]
}

export interface GhostCmsLabel {
  readonly id: string
  readonly name?: string
  readonly slug?: string
}

export interface GhostCmsMember {
  /** 24 hex characters in Ghost (documented: a UUID). */
  readonly id: string
  readonly uuid?: string
  readonly email?: string
  readonly name?: string | null
  readonly status?: OrOther<'free' | 'paid' | 'comped'>
  readonly labels?: readonly OpenFields<GhostCmsLabel>[]
  readonly created_at?: string
  readonly updated_at?: string | null
}

/** `T`, or `T` with any other fields: interfaces of the host suit, and literals that know more. */
export type OpenFields<T> = T | (T & Readonly<Record<string, unknown>>)

/** No fields: `{}`. */
export type NoFields = Readonly<Record<string, never>>

/** Some fields of a resource as they were; `null`: there was none. */
export type GhostCmsFormer<R> = OpenFields<{ readonly [F in keyof R]?: R[F] | null }>

/** What was made is `current`. */
export interface GhostCmsAdded<R> {
  readonly current: OpenFields<R>
  readonly previous: NoFields
}

/** `current` is the resource as it is now, `previous` holds the changed fields as they were. */
export interface GhostCmsEdited<R> {
  readonly current: OpenFields<R>
  readonly previous: GhostCmsFormer<R>
}

/** What is gone is `previous`. */
export interface GhostCmsDeleted<R> {
  readonly current: NoFields
  readonly previous: OpenFields<R>
}

/** `current` has the tags as they are, `previous.tags` as they were. */
export interface GhostCmsTagged<R> {
  readonly current: OpenFields<R>
  readonly previous: OpenFields<{ readonly tags: readonly OpenFields<GhostCmsTag>[] }>
}
